/** A configuration that uses every key. The reference adds the schema's descriptions to it. */
export const example = `project: shop
registry: ghcr.io/acme
default_environment: staging

ssh:
  user: deploy
  port: 22
  key: ~/.ssh/shop
  known_hosts: deploy/known_hosts
  host_keys: known
  transport: auto
  bastion:
    address: gate.example.com
    port: 2222
    user: jump
    key: ~/.ssh/gate
    known_hosts: deploy/known_hosts
    host_keys: known

secrets:
  DATABASE_URL:
    command: [op, read, "op://shop/production/database-url"]
    timeout: 20s

services:
  web:
    build:
      context: .
      dockerfile: docker/web.Dockerfile
      target: runtime
      args:
        NODE_VERSION: 22
      secrets: [NPM_TOKEN]
    port: "80:3000"
    target_group: shop-\${STAGE:-staging}
    confirm:
      host: shop.example.com
      path: /up
      from: here
      off: false
    port_range: 20000-20999
    health:
      path: /up
      host: shop.example.com
      headers:
        X-Forwarded-Proto: https
      scheme: http
      status: [200-299, 302]
      port: 3000
      interval: 500ms
      timeout: 5s
      deadline: 60s
      settle: 3s
    env:
      LOG_LEVEL: info
      GREETING: "Hello from \${HOSTED_BY:-us}"
    secrets: [DATABASE_URL]
    user: node
    memory: 512m
    cpus: 0.5
    restart: unless-stopped
    stop:
      signal: SIGTERM
      timeout: 10s
    swap: beside
    needs: [db]
    keep: 5
    release_command:
      command: node migrate.js
      timeout: 10m
      on_later_failure: revert
    docker:
      HostConfig:
        ShmSize: 67108864
        CapDrop: [NET_RAW]
  scheduler:
    build: .
    command: [node, scheduler.js]
    singleton: true
    health:
      command: [node, alive.js]
  db:
    image: postgres:16
    volumes: ["data:/var/lib/postgresql/data"]
    health:
      settle: 5s

environments:
  staging:
    hosts: [10.1.0.5]
  production:
    hosts:
      web-1: 10.0.0.5
      web-2:
        address: 10.0.0.6
        port: 22
        user: deploy
        key: ~/.ssh/shop
        id: i-0123456789abcdef0
        services: [web, scheduler]
    services:
      web:
        memory: 1g
        target_group: shop-web
        env:
          LOG_LEVEL: warn
      scheduler:
        hosts: [web-2]
      db: null
    registry: ghcr.io/acme
    ssh:
      user: shop
    secrets: [DATABASE_URL]
`;
