"""Creates, uses and removes a load-balanced instance with boto3, configured by `sandbox env`.

    sandbox-clients.py NAME PUBLIC_KEY_FILE

All resources have the name NAME. Prints a line after each step; exits at the first failure.
"""
import os
import sys
import urllib.request

import boto3

name, key_file = sys.argv[1:]
# The boto3 of Debian 12 does not read the variable.
at = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]}
ec2 = boto3.client("ec2", **at)
elb = boto3.client("elbv2", **at)
# The waiters poll every 15 s by default.
often = {"WaiterConfig": {"Delay": 1, "MaxAttempts": 60}}
USER_DATA = """#!/bin/sh
mkdir -p /srv/www
echo healthy >/srv/www/up
busybox httpd -p 8080 -h /srv/www
"""


def report(step):
    print(step, flush=True)


with open(key_file, "rb") as file:
    ec2.import_key_pair(KeyName=name, PublicKeyMaterial=file.read())
ec2.get_waiter("key_pair_exists").wait(KeyNames=[name])
group = ec2.create_security_group(GroupName=name, Description="Web")["GroupId"]
ec2.get_waiter("security_group_exists").wait(GroupIds=[group])
ec2.authorize_security_group_ingress(
    GroupId=group,
    IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ],
)
report("key and group")

image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
made = ec2.run_instances(
    ImageId=image,
    MinCount=1,
    MaxCount=1,
    KeyName=name,
    SecurityGroupIds=[group],
    UserData=USER_DATA,
    TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
)
instance = made["Instances"][0]["InstanceId"]
report("started")

public = [{"Name": "map-public-ip-on-launch", "Values": ["true"]}]
subnets = ec2.describe_subnets(Filters=public)["Subnets"]
assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 2, subnets
balancer = elb.create_load_balancer(
    Name=name, Subnets=[subnet["SubnetId"] for subnet in subnets], SecurityGroups=[group]
)["LoadBalancers"][0]
of = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[of["LoadBalancerArn"]])
targets = elb.create_target_group(
    Name=name,
    Protocol="HTTP",
    Port=8080,
    VpcId=balancer["VpcId"],
    HealthCheckPath="/up",
    HealthCheckIntervalSeconds=5,
    HealthCheckTimeoutSeconds=2,
    HealthyThresholdCount=2,
)["TargetGroups"][0]["TargetGroupArn"]
elb.modify_target_group_attributes(
    TargetGroupArn=targets,
    Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}],
)
listener = elb.create_listener(
    **of, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}]
)["Listeners"][0]["ListenerArn"]
report("load balancer")

ec2.get_waiter("instance_running").wait(InstanceIds=[instance], **often)
ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], **often)
report("running")

target = {"TargetGroupArn": targets, "Targets": [{"Id": instance}]}
elb.register_targets(**target)
elb.get_waiter("target_in_service").wait(**target, **often)
with urllib.request.urlopen(f"http://{balancer['DNSName']}/up", timeout=10) as answer:
    assert (answer.status, answer.read()) == (200, b"healthy\n")
report("served")

elb.deregister_targets(**target)
elb.get_waiter("target_deregistered").wait(**target, **often)
ec2.terminate_instances(InstanceIds=[instance])
elb.delete_listener(ListenerArn=listener)
elb.delete_load_balancer(**of)
elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[of["LoadBalancerArn"]], **often)
elb.delete_target_group(TargetGroupArn=targets)
ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], **often)
ec2.delete_security_group(GroupId=group)
ec2.delete_key_pair(KeyName=name)
report("gone")
