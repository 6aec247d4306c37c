"""IAM."""

from iam_world import EXPECTED as IAM_EXPECTED
from iam_world import calls as iam_calls
from iam_world import prepared as iam_prepared
from iam_world import world as iam_world
from permissions.world import PASSWORD, TAGS, TESTER, Ask, arn

# Members that name the resource of an action, the first that is there; and how its ARN begins.
NAMED = {
    "InstanceProfileName": "instance-profile", "GroupName": "group", "RoleName": "role", "UserName": "user", "PolicyName": "policy",
}
ARNS = ["PolicyArn", "OpenIDConnectProviderArn", "PolicySourceArn"]
# Actions that have no resource.
ACCOUNT_WIDE = {
    "CreateAccountAlias", "DeleteAccountAlias", "DeleteAccountPasswordPolicy", "GenerateCredentialReport", "GetAccountAuthorizationDetails",
    "GetAccountPasswordPolicy", "GetAccountSummary", "GetContextKeysForCustomPolicy", "GetCredentialReport", "ListAccountAliases",
    "ListGroups", "ListInstanceProfiles", "ListOpenIDConnectProviders", "ListPolicies", "ListRoles", "ListUsers", "SimulateCustomPolicy",
    "UpdateAccountPasswordPolicy",
}
READS = ("Get", "List", "Simulate", "Generate")


def _iam_resource(operation, arguments, name):
    if operation in ACCOUNT_WIDE:
        return "*"
    own = {
        "ChangePassword": f"user/{TESTER}",
        "CreateOpenIDConnectProvider": f"oidc-provider/{arguments.get('Url', '').removeprefix('https://')}",
        "CreateServiceLinkedRole": "role/aws-service-role/ops.emr-serverless.amazonaws.com/AWSServiceRoleForAmazonEMRServerless",
        "GetAccessKeyLastUsed": f"user/{name}",
        "GetServiceLinkedRoleDeletionStatus": "role/aws-service-role/x/y",
    }
    if operation in own:
        return arn("iam", own[operation], region="")
    for member in (*NAMED, *ARNS):
        if member in arguments and not (member == "PolicyName" and operation != "CreatePolicy"):
            kind = NAMED.get(member)
            return arn("iam", f"{kind}/{arguments[member]}", region="") if kind else arguments[member]
    raise AssertionError(f"what is {operation} about?")


def _iam(operation):
    def entry(w):
        if operation.startswith(READS):
            name, found = w.people
        else:
            name = w.name()
            found = iam_world(w.root("iam"), name)
        arguments = {**iam_calls(name, found), **iam_prepared(name, found)}[operation]
        prepare = IAM_BEFORE.get(operation)
        if prepare:
            prepare(w.root("iam"), arguments)
        resources = [_iam_resource(operation, arguments, name)]
        if path := arguments.get("NewPath"):
            # What it was, and what it will be.
            resources.append(resources[0].replace(f"/{name}", f"{path}{name}"))
        needs = [(f"iam:{operation}", resource) for resource in resources]
        if operation == "AddRoleToInstanceProfile":
            needs.append(("iam:PassRole", arn("iam", f"role/{name}", region="")))
        return Ask(arguments, needs, IAM_EXPECTED.get(operation))

    return entry


def _iam_profile(iam, arguments):
    iam.create_login_profile(UserName=arguments["UserName"], Password=PASSWORD)


# What a call needs beside the world.
IAM_BEFORE = {
    "DeleteAccountPasswordPolicy": lambda iam, _: iam.update_account_password_policy(MinimumPasswordLength=8),
    "DeleteLoginProfile": _iam_profile,
    "GetAccountPasswordPolicy": lambda iam, _: iam.update_account_password_policy(MinimumPasswordLength=8),
    "GetCredentialReport": lambda iam, _: iam.generate_credential_report(),
    "GetLoginProfile": _iam_profile,
    "RemoveRoleFromInstanceProfile": lambda iam, arguments: iam.add_role_to_instance_profile(**arguments),
    "UpdateLoginProfile": _iam_profile,
}


def _tagged_iam(operation, action):
    def entry(w):
        plain = _iam(operation)(w)
        return Ask({**plain.arguments, "Tags": TAGS}, [*plain.needs, (f"iam:{action}", plain.needs[0][1])])

    return entry


_KNOWN = {"policy": "", "provider": "", "key": ""}
IAM = {operation: _iam(operation) for operation in sorted({**iam_calls("x", _KNOWN), **iam_prepared("x", _KNOWN)})}
IAM |= {
    "CreateInstanceProfile with tags": _tagged_iam("CreateInstanceProfile", "TagInstanceProfile"),
    "CreateOpenIDConnectProvider with tags": _tagged_iam("CreateOpenIDConnectProvider", "TagOpenIDConnectProvider"),
    "CreatePolicy with tags": _tagged_iam("CreatePolicy", "TagPolicy"),
    "CreateRole with tags": _tagged_iam("CreateRole", "TagRole"),
    "CreateUser with tags": _tagged_iam("CreateUser", "TagUser"),
}
