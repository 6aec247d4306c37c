//! The managed policies that AWS brings along, those that people attach by name: a flat list, written from what each is
//! documented to allow.

use aws_lc_rs::digest::{SHA256, digest};

/// A policy that every account has and nobody changes.
#[derive(Debug)]
pub struct AwsPolicy {
    /// `/`, or as `/service-role/`.
    pub path: &'static str,
    pub name: &'static str,
    pub description: &'static str,
    pub document: &'static str,
}

const PREFIX: &str = "arn:aws:iam::aws:policy";

impl AwsPolicy {
    pub fn arn(&self) -> String {
        format!("{PREFIX}{}{}", self.path, self.name)
    }

    /// In the form of AWS's ids, always the same for the same policy.
    pub fn id(&self) -> String {
        let digest = digest(&SHA256, self.arn().as_bytes());
        let letter = |byte: &u8| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(*byte % 32)]);
        format!("ANPA{}", digest.as_ref().iter().take(17).map(letter).collect::<String>())
    }
}

/// The policy of this ARN.
pub fn find(arn: &str) -> Option<&'static AwsPolicy> {
    let rest = arn.strip_prefix(PREFIX)?;
    let split = rest.rfind('/')? + 1;
    let (path, name) = rest.split_at(split);
    POLICIES.iter().find(|policy| policy.path == path && policy.name == name)
}

/// In the order of their names.
pub static POLICIES: &[AwsPolicy] = &[
    AwsPolicy {
        path: "/",
        name: "AWSGlueConsoleFullAccess",
        description: "Everything in Glue, and what its console needs of others.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "glue:*", "redshift:DescribeClusters", "redshift:DescribeClusterSubnetGroups",
                "iam:ListRoles", "iam:ListUsers", "iam:ListGroups", "iam:ListRolePolicies",
                "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
                "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
                "ec2:DescribeVpcEndpoints", "ec2:DescribeRouteTables", "ec2:DescribeVpcAttribute",
                "ec2:DescribeKeyPairs", "ec2:DescribeInstances", "ec2:DescribeImages",
                "rds:DescribeDBInstances", "rds:DescribeDBClusters", "rds:DescribeDBSubnetGroups",
                "s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetBucketAcl", "s3:GetBucketLocation",
                "cloudformation:ListStacks", "cloudformation:DescribeStacks",
                "cloudformation:GetTemplateSummary", "dynamodb:ListTables", "kms:ListAliases",
                "kms:DescribeKey", "cloudwatch:GetMetricData", "cloudwatch:ListDashboards",
                "databrew:ListRecipes", "databrew:ListRecipeVersions", "databrew:DescribeRecipe"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": [
                "arn:aws:s3:::aws-glue-*/*", "arn:aws:s3:::*/*aws-glue-*/*", "arn:aws:s3:::aws-glue-*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": ["s3:CreateBucket", "s3:PutBucketPublicAccessBlock"],
            "Resource": "arn:aws:s3:::aws-glue-*"
        },
        {"Effect": "Allow", "Action": "logs:GetLogEvents", "Resource": "arn:aws:logs:*:*:/aws-glue/*"},
        {
            "Effect": "Allow",
            "Action": ["cloudformation:CreateStack", "cloudformation:DeleteStack"],
            "Resource": "arn:aws:cloudformation:*:*:stack/aws-glue*/*"
        },
        {
            "Effect": "Allow",
            "Action": "ec2:RunInstances",
            "Resource": [
                "arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*:*:key-pair/*", "arn:aws:ec2:*:*:image/*",
                "arn:aws:ec2:*:*:security-group/*", "arn:aws:ec2:*:*:network-interface/*",
                "arn:aws:ec2:*:*:subnet/*", "arn:aws:ec2:*:*:volume/*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": ["ec2:TerminateInstances", "ec2:CreateTags", "ec2:DeleteTags"],
            "Resource": "arn:aws:ec2:*:*:instance/*",
            "Condition": {"StringLike": {"ec2:ResourceTag/aws:cloudformation:stack-id": "arn:aws:cloudformation:*:*:stack/aws-glue-*/*"}, "ArnLike": {"ec2:ResourceTag/aws:cloudformation:stack-id": "arn:aws:cloudformation:*:*:stack/aws-glue-*/*"}}
        },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::*:role/AWSGlueServiceRole*",
            "Condition": {"StringLike": {"iam:PassedToService": "glue.amazonaws.com"}}
        },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::*:role/AWSGlueServiceNotebookRole*",
            "Condition": {"StringLike": {"iam:PassedToService": "ec2.amazonaws.com"}}
        },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::*:role/service-role/AWSGlueServiceRole*",
            "Condition": {"StringLike": {"iam:PassedToService": "glue.amazonaws.com"}}
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/service-role/",
        name: "AWSGlueServiceRole",
        description: "What Glue needs for its work: the catalog, its own buckets, logs and metrics.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "glue:*", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListAllMyBuckets",
                "s3:GetBucketAcl", "ec2:DescribeVpcEndpoints", "ec2:DescribeRouteTables",
                "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
                "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
                "ec2:DescribeVpcAttribute", "iam:ListRolePolicies", "iam:GetRole", "iam:GetRolePolicy",
                "cloudwatch:PutMetricData"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": ["s3:CreateBucket", "s3:PutBucketPublicAccessBlock"],
            "Resource": "arn:aws:s3:::aws-glue-*"
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": ["arn:aws:s3:::aws-glue-*/*", "arn:aws:s3:::*/*aws-glue-*/*"]
        },
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": ["arn:aws:s3:::crawler-public*", "arn:aws:s3:::aws-glue-*"]
        },
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "arn:aws:logs:*:*:*:/aws-glue/*"
        },
        {
            "Effect": "Allow",
            "Action": ["ec2:CreateTags", "ec2:DeleteTags"],
            "Resource": [
                "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:security-group/*",
                "arn:aws:ec2:*:*:instance/*"
            ],
            "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["aws-glue-service-resource"]}}
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AWSKeyManagementServicePowerUser",
        description: "Making keys and looking at them; what a key is used for, its own policy says.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "kms:CreateAlias", "kms:CreateKey", "kms:DeleteAlias", "kms:Describe*",
                "kms:GenerateRandom", "kms:Get*", "kms:List*", "kms:TagResource", "kms:UntagResource",
                "iam:ListGroups", "iam:ListRoles", "iam:ListUsers"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AWSLakeFormationDataAdmin",
        description: "Administering a lake in Lake Formation; not who its administrators are.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "lakeformation:*", "cloudtrail:DescribeTrails", "cloudtrail:LookupEvents",
                "glue:CreateCatalog", "glue:UpdateCatalog", "glue:DeleteCatalog", "glue:GetCatalog",
                "glue:GetCatalogs", "glue:GetDatabase", "glue:GetDatabases", "glue:CreateDatabase",
                "glue:UpdateDatabase", "glue:DeleteDatabase", "glue:GetConnections",
                "glue:SearchTables", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable",
                "glue:DeleteTable", "glue:GetTableVersions", "glue:GetPartitions", "glue:GetTables",
                "glue:ListWorkflows", "glue:BatchGetWorkflows", "glue:DeleteWorkflow",
                "glue:GetWorkflowRuns", "glue:StartWorkflowRun", "glue:GetWorkflow", "s3:ListBucket",
                "s3:GetBucketLocation", "s3:ListAllMyBuckets", "s3:GetBucketAcl", "iam:ListUsers",
                "iam:ListRoles", "iam:GetRole", "iam:GetRolePolicy"
            ],
            "Resource": "*"
        },
        {"Effect": "Deny", "Action": "lakeformation:PutDataLakeSettings", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/service-role/",
        name: "AWSLambdaBasicExecutionRole",
        description: "What every Lambda function needs: writing its log.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/service-role/",
        name: "AWSLambdaDynamoDBExecutionRole",
        description: "What a Lambda function needs that reads a DynamoDB stream.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
                "dynamodb:ListStreams", "logs:CreateLogGroup", "logs:CreateLogStream",
                "logs:PutLogEvents"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/service-role/",
        name: "AWSLambdaKinesisExecutionRole",
        description: "What a Lambda function needs that reads a Kinesis stream.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
                "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:ListStreams",
                "kinesis:SubscribeToShard", "logs:CreateLogGroup", "logs:CreateLogStream",
                "logs:PutLogEvents"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/service-role/",
        name: "AWSLambdaRole",
        description: "Invoking every Lambda function.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/service-role/",
        name: "AWSLambdaSQSQueueExecutionRole",
        description: "What a Lambda function needs that is fed by an SQS queue.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
                "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/service-role/",
        name: "AWSLambdaVPCAccessExecutionRole",
        description: "What a Lambda function needs in a network of its account.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
                "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
                "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses",
                "ec2:UnassignPrivateIpAddresses"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AWSLambda_FullAccess",
        description: "Everything in Lambda, and what its console needs of others.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "cloudformation:DescribeStacks", "cloudformation:ListStackResources",
                "cloudwatch:ListMetrics", "cloudwatch:GetMetricData", "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets", "ec2:DescribeVpcs", "kms:ListAliases", "iam:GetPolicy",
                "iam:GetPolicyVersion", "iam:GetRole", "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoles", "lambda:*",
                "logs:DescribeLogGroups", "states:DescribeStateMachine", "states:ListStateMachines",
                "tag:GetResources", "xray:GetTraceSummaries", "xray:BatchGetTraces"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
        },
        {
            "Effect": "Allow",
            "Action": [
                "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents",
                "logs:StartLiveTail", "logs:StopLiveTail"
            ],
            "Resource": "arn:aws:logs:*:*:log-group:/aws/lambda/*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AWSLambda_ReadOnlyAccess",
        description: "Looking at Lambda's functions and their logs.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "cloudformation:DescribeStacks", "cloudformation:ListStackResources",
                "cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets", "ec2:DescribeVpcs", "kms:ListAliases", "iam:GetPolicy",
                "iam:GetPolicyVersion", "iam:GetRole", "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoles",
                "logs:DescribeLogGroups", "lambda:Get*", "lambda:List*", "states:DescribeStateMachine",
                "states:ListStateMachines", "tag:GetResources", "xray:GetTraceSummaries",
                "xray:BatchGetTraces"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": [
                "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents",
                "logs:StartQuery", "logs:StopQuery", "logs:DescribeQueries", "logs:GetLogGroupFields",
                "logs:GetLogRecord", "logs:GetQueryResults", "logs:StartLiveTail", "logs:StopLiveTail"
            ],
            "Resource": "arn:aws:logs:*:*:log-group:/aws/lambda/*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AWSStepFunctionsConsoleFullAccess",
        description: "Everything in Step Functions, and what its console needs of others.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "states:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::*:role/service-role/StatesExecutionRole*"
        },
        {"Effect": "Allow", "Action": "lambda:ListFunctions", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AWSStepFunctionsFullAccess",
        description: "Everything in Step Functions.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "states:*", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AWSStepFunctionsReadOnlyAccess",
        description: "Looking at Step Functions' state machines and their runs.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "states:ListStateMachines", "states:ListActivities", "states:DescribeStateMachine",
                "states:DescribeStateMachineForExecution", "states:ListExecutions",
                "states:DescribeExecution", "states:GetExecutionHistory", "states:DescribeActivity",
                "states:ListMapRuns", "states:DescribeMapRun", "states:ListStateMachineVersions",
                "states:ListStateMachineAliases", "states:DescribeStateMachineAlias",
                "states:ListTagsForResource"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AdministratorAccess",
        description: "Everything, everywhere.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonAthenaFullAccess",
        description: "Queries in Athena, with the catalog that they need and the buckets that hold their results.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "athena:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": [
                "glue:CreateDatabase", "glue:DeleteDatabase", "glue:GetDatabase", "glue:GetDatabases",
                "glue:UpdateDatabase", "glue:CreateTable", "glue:DeleteTable", "glue:BatchDeleteTable",
                "glue:UpdateTable", "glue:GetTable", "glue:GetTables", "glue:BatchCreatePartition",
                "glue:CreatePartition", "glue:DeletePartition", "glue:BatchDeletePartition",
                "glue:UpdatePartition", "glue:GetPartition", "glue:GetPartitions",
                "glue:BatchGetPartition", "glue:StartColumnStatisticsTaskRun",
                "glue:GetColumnStatisticsTaskRun", "glue:GetColumnStatisticsTaskRuns",
                "glue:GetCatalogImportStatus"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": [
                "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket",
                "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts",
                "s3:AbortMultipartUpload", "s3:CreateBucket", "s3:PutObject",
                "s3:PutBucketPublicAccessBlock"
            ],
            "Resource": "arn:aws:s3:::aws-athena-query-results-*"
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": "arn:aws:s3:::athena-examples*"
        },
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListAllMyBuckets"],
            "Resource": "*"
        },
        {"Effect": "Allow", "Action": ["sns:ListTopics", "sns:GetTopicAttributes"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": [
                "cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms",
                "cloudwatch:GetMetricData"
            ],
            "Resource": "*"
        },
        {"Effect": "Allow", "Action": "lakeformation:GetDataAccess", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": [
                "datazone:ListDomains", "datazone:ListProjects", "datazone:ListAccountEnvironments"
            ],
            "Resource": "*"
        },
        {"Effect": "Allow", "Action": "pricing:GetProducts", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/aws-service-role/",
        name: "AmazonEMRServerlessServiceRolePolicy",
        description: "What EMR Serverless' own role may do: network interfaces and metrics.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
                "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
                "ec2:DescribeVpcs", "ec2:DescribeDhcpOptions", "ec2:DescribeRouteTables"
            ],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:CalledViaLast": "ops.emr-serverless.amazonaws.com"}}
        },
        {
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": ["AWS/EMRServerless", "AWS/Usage"]}}
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonKinesisFirehoseFullAccess",
        description: "Everything in Firehose.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "firehose:*", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonKinesisFirehoseReadOnlyAccess",
        description: "Looking at Firehose's streams.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["firehose:Describe*", "firehose:List*"], "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonKinesisFullAccess",
        description: "Everything in Kinesis Data Streams.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "kinesis:*", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonKinesisReadOnlyAccess",
        description: "Reading from all streams of Kinesis Data Streams.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["kinesis:Get*", "kinesis:List*", "kinesis:Describe*"],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonS3FullAccess",
        description: "Everything in S3 and S3 Object Lambda.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:*", "s3-object-lambda:*"], "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonS3ReadOnlyAccess",
        description: "Reading and listing in S3 and S3 Object Lambda.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*",
                "s3-object-lambda:List*"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonSNSFullAccess",
        description: "Everything in SNS.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sns:*", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonSNSReadOnlyAccess",
        description: "Looking at SNS's topics.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "sns:GetTopicAttributes", "sns:List*", "sns:CheckIfPhoneNumberIsOptedOut",
                "sns:GetEndpointAttributes", "sns:GetDataProtectionPolicy",
                "sns:GetPlatformApplicationAttributes", "sns:GetSMSAttributes",
                "sns:GetSMSSandboxAccountStatus", "sns:GetSubscriptionAttributes"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonSQSFullAccess",
        description: "Everything in SQS.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonSQSReadOnlyAccess",
        description: "Looking at SQS's queues.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListDeadLetterSourceQueues",
                "sqs:ListQueues", "sqs:ListMessageMoveTasks", "sqs:ListQueueTags"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonSageMakerFullAccess",
        description: "SageMaker, and what it needs of others for data, images, logs and metrics.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sagemaker:*",
            "NotResource": [
                "arn:aws:sagemaker:*:*:domain/*", "arn:aws:sagemaker:*:*:user-profile/*",
                "arn:aws:sagemaker:*:*:app/*", "arn:aws:sagemaker:*:*:space/*",
                "arn:aws:sagemaker:*:*:partner-app/*", "arn:aws:sagemaker:*:*:flow-definition/*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": "sagemaker:AddTags",
            "Resource": ["arn:aws:sagemaker:*:*:space/*", "arn:aws:sagemaker:*:*:app/*"],
            "Condition": {"StringEquals": {"sagemaker:TaggingAction": "CreateSpace"}}
        },
        {
            "Effect": "Allow",
            "Action": [
                "sagemaker:CreatePresignedDomainUrl", "sagemaker:DescribeDomain",
                "sagemaker:ListDomains", "sagemaker:DescribeUserProfile", "sagemaker:ListUserProfiles",
                "sagemaker:DescribeSpace", "sagemaker:ListSpaces", "sagemaker:DescribeApp",
                "sagemaker:ListApps"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": "sagemaker:*",
            "Resource": "arn:aws:sagemaker:*:*:flow-definition/*",
            "Condition": {"StringEqualsIfExists": {"sagemaker:WorkteamType": ["private-crowd", "vendor-crowd"]}}
        },
        {
            "Effect": "Allow",
            "Action": [
                "application-autoscaling:DeleteScalingPolicy",
                "application-autoscaling:DeleteScheduledAction",
                "application-autoscaling:DeregisterScalableTarget",
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingActivities",
                "application-autoscaling:DescribeScalingPolicies",
                "application-autoscaling:DescribeScheduledActions",
                "application-autoscaling:PutScalingPolicy",
                "application-autoscaling:PutScheduledAction",
                "application-autoscaling:RegisterScalableTarget", "aws-marketplace:ViewSubscriptions",
                "cloudformation:GetTemplateSummary", "cloudwatch:DeleteAlarms",
                "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData",
                "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics", "cloudwatch:PutMetricAlarm",
                "cloudwatch:PutMetricData", "codecommit:BatchGetRepositories",
                "codecommit:CreateRepository", "codecommit:GetRepository", "codecommit:ListBranches",
                "codecommit:ListRepositories", "ec2:CreateNetworkInterface",
                "ec2:CreateNetworkInterfacePermission", "ec2:CreateVpcEndpoint",
                "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission",
                "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables",
                "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints",
                "ec2:DescribeVpcs", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage",
                "ecr:CreateRepository", "ecr:Describe*", "ecr:GetAuthorizationToken",
                "ecr:GetDownloadUrlForLayer", "ecr:StartImageScan",
                "elasticfilesystem:DescribeFileSystems", "elasticfilesystem:DescribeMountTargets",
                "fsx:DescribeFileSystems", "glue:CreateJob", "glue:DeleteJob", "glue:GetJob*",
                "glue:GetTable*", "glue:GetWorkflowRun", "glue:ResetJobBookmark", "glue:StartJobRun",
                "glue:StartWorkflowRun", "glue:UpdateJob", "groundtruthlabeling:*", "iam:ListRoles",
                "kms:DescribeKey", "kms:ListAliases", "lambda:ListFunctions", "logs:CreateLogDelivery",
                "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DeleteLogDelivery",
                "logs:Describe*", "logs:GetLogDelivery", "logs:GetLogEvents", "logs:ListLogDeliveries",
                "logs:PutLogEvents", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
                "s3:GetBucketCors", "secretsmanager:ListSecrets", "servicecatalog:Describe*",
                "servicecatalog:List*", "servicecatalog:ScanProvisionedProducts",
                "servicecatalog:SearchProducts", "servicecatalog:SearchProvisionedProducts",
                "sns:ListTopics", "tag:GetResources"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": [
                "ecr:SetRepositoryPolicy", "ecr:CompleteLayerUpload", "ecr:BatchDeleteImage",
                "ecr:UploadLayerPart", "ecr:DeleteRepositoryPolicy", "ecr:InitiateLayerUpload",
                "ecr:DeleteRepository", "ecr:PutImage"
            ],
            "Resource": "arn:aws:ecr:*:*:repository/*sagemaker*"
        },
        {
            "Effect": "Allow",
            "Action": [
                "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue",
                "secretsmanager:CreateSecret"
            ],
            "Resource": "arn:aws:secretsmanager:*:*:secret:AmazonSageMaker-*"
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            "Resource": [
                "arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*Sagemaker*", "arn:aws:s3:::*sagemaker*",
                "arn:aws:s3:::*aws-glue*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": "*",
            "Condition": {"StringEqualsIgnoreCase": {"s3:ExistingObjectTag/SageMaker": "true"}}
        },
        {
            "Effect": "Allow",
            "Action": [
                "s3:CreateBucket", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListAllMyBuckets",
                "s3:GetBucketCors", "s3:PutBucketCors"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetBucketAcl", "s3:PutObjectAcl"],
            "Resource": [
                "arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*Sagemaker*", "arn:aws:s3:::*sagemaker*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": [
                "arn:aws:lambda:*:*:function:*SageMaker*", "arn:aws:lambda:*:*:function:*sagemaker*",
                "arn:aws:lambda:*:*:function:*Sagemaker*",
                "arn:aws:lambda:*:*:function:*LabelingFunction*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": [
                "states:DescribeExecution", "states:GetExecutionHistory", "states:StartExecution",
                "states:StopExecution", "states:UpdateStateMachine"
            ],
            "Resource": [
                "arn:aws:states:*:*:stateMachine:*sagemaker*",
                "arn:aws:states:*:*:execution:*sagemaker*:*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": "arn:aws:iam::*:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
            "Condition": {"StringLike": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}}
        },
        {
            "Effect": "Allow",
            "Action": ["sns:Subscribe", "sns:CreateTopic", "sns:Publish"],
            "Resource": [
                "arn:aws:sns:*:*:*SageMaker*", "arn:aws:sns:*:*:*Sagemaker*",
                "arn:aws:sns:*:*:*sagemaker*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::*:role/*AmazonSageMaker*",
            "Condition": {"StringEquals": {"iam:PassedToService": ["glue.amazonaws.com", "robomaker.amazonaws.com", "states.amazonaws.com"]}}
        },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::*:role/*",
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        },
        {
            "Effect": "Allow",
            "Action": [
                "athena:ListDataCatalogs", "athena:ListDatabases", "athena:ListTableMetadata",
                "athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution",
                "athena:StopQueryExecution"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": "glue:CreateTable",
            "Resource": [
                "arn:aws:glue:*:*:table/*/sagemaker_tmp_*",
                "arn:aws:glue:*:*:table/sagemaker_featurestore/*", "arn:aws:glue:*:*:catalog",
                "arn:aws:glue:*:*:database/*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": "glue:DeleteTable",
            "Resource": [
                "arn:aws:glue:*:*:table/*/sagemaker_tmp_*", "arn:aws:glue:*:*:catalog",
                "arn:aws:glue:*:*:database/*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": ["glue:GetDatabases", "glue:GetTable", "glue:GetTables"],
            "Resource": [
                "arn:aws:glue:*:*:table/*", "arn:aws:glue:*:*:catalog", "arn:aws:glue:*:*:database/*"
            ]
        },
        {
            "Effect": "Allow",
            "Action": ["glue:CreateDatabase", "glue:GetDatabase"],
            "Resource": [
                "arn:aws:glue:*:*:catalog", "arn:aws:glue:*:*:database/sagemaker_featurestore",
                "arn:aws:glue:*:*:database/sagemaker_processing", "arn:aws:glue:*:*:database/default",
                "arn:aws:glue:*:*:database/sagemaker_data_wrangler"
            ]
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "AmazonSageMakerReadOnly",
        description: "Looking at SageMaker's resources.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "sagemaker:BatchGetMetrics", "sagemaker:BatchGetRecord", "sagemaker:Describe*",
                "sagemaker:GetDeviceFleetReport", "sagemaker:GetModelPackageGroupPolicy",
                "sagemaker:GetRecord", "sagemaker:GetSearchSuggestions", "sagemaker:List*",
                "sagemaker:Search"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": [
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingActivities",
                "application-autoscaling:DescribeScalingPolicies",
                "application-autoscaling:DescribeScheduledActions", "aws-marketplace:ViewSubscriptions",
                "cloudwatch:DescribeAlarms", "ecr:Describe*"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "CloudWatchFullAccess",
        description: "Everything in CloudWatch and its logs.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "autoscaling:Describe*", "cloudwatch:*", "logs:*", "sns:*", "iam:GetPolicy",
                "iam:GetPolicyVersion", "iam:GetRole", "oam:ListSinks"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": "arn:aws:iam::*:role/aws-service-role/events.amazonaws.com/AWSServiceRoleForCloudWatchEvents*",
            "Condition": {"StringLike": {"iam:AWSServiceName": "events.amazonaws.com"}}
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "CloudWatchLogsFullAccess",
        description: "Everything in CloudWatch Logs.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["logs:*", "cloudwatch:GenerateQuery"], "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "CloudWatchLogsReadOnlyAccess",
        description: "Reading in CloudWatch Logs.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "logs:Describe*", "logs:Get*", "logs:List*", "logs:StartQuery", "logs:StopQuery",
                "logs:TestMetricFilter", "logs:FilterLogEvents", "logs:StartLiveTail",
                "logs:StopLiveTail", "cloudwatch:GenerateQuery"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "CloudWatchReadOnlyAccess",
        description: "Looking at CloudWatch's metrics, alarms and logs.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "autoscaling:Describe*", "cloudwatch:BatchGet*", "cloudwatch:Describe*",
                "cloudwatch:GenerateQuery", "cloudwatch:Get*", "cloudwatch:List*", "logs:Get*",
                "logs:List*", "logs:StartQuery", "logs:StopQuery", "logs:Describe*",
                "logs:TestMetricFilter", "logs:FilterLogEvents", "logs:StartLiveTail",
                "logs:StopLiveTail", "oam:ListSinks", "sns:Get*", "sns:List*"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "IAMFullAccess",
        description: "Everything in IAM.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization",
                "organizations:DescribeOrganizationalUnit", "organizations:DescribePolicy",
                "organizations:ListChildren", "organizations:ListParents",
                "organizations:ListPoliciesForTarget", "organizations:ListRoots",
                "organizations:ListPolicies", "organizations:ListTargetsForPolicy"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "IAMReadOnlyAccess",
        description: "Looking at IAM.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Get*",
                "iam:List*", "iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "IAMUserChangePassword",
        description: "Changing one's own password.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "iam:ChangePassword",
            "Resource": ["arn:aws:iam::*:user/${aws:username}"]
        },
        {"Effect": "Allow", "Action": "iam:GetAccountPasswordPolicy", "Resource": "*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/aws-service-role/",
        name: "LakeFormationDataAccessServiceRolePolicy",
        description: "What Lake Formation's own role may do before locations are registered.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "arn:aws:s3:::*"}
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "PowerUserAccess",
        description: "Everything but users, groups, roles, the account and the organization.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": [
                "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles",
                "organizations:DescribeOrganization", "account:GetAccountInformation",
                "account:GetPrimaryEmail", "account:ListRegions"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "ReadOnlyAccess",
        description: "Looking at everything, and reading most data.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "access-analyzer:Get*", "access-analyzer:List*", "access-analyzer:ValidatePolicy",
                "account:Get*", "account:ListRegions", "acm:Describe*", "acm:Get*", "acm:List*",
                "airflow:ListEnvironments", "airflow:GetEnvironment", "airflow:ListTagsForResource",
                "appflow:Describe*", "appflow:List*", "athena:Batch*", "athena:Get*", "athena:List*",
                "autoscaling:Describe*", "batch:Describe*", "batch:List*", "cloudformation:Describe*",
                "cloudformation:Detect*", "cloudformation:Get*", "cloudformation:List*",
                "cloudtrail:Describe*", "cloudtrail:Get*", "cloudtrail:List*",
                "cloudtrail:LookupEvents", "cloudwatch:Describe*", "cloudwatch:Get*",
                "cloudwatch:List*", "config:BatchGet*", "config:Describe*", "config:Get*",
                "config:List*", "config:Select*", "databrew:Describe*", "databrew:List*",
                "datazone:Get*", "datazone:List*", "datazone:Search*", "dms:Describe*", "dms:List*",
                "dynamodb:BatchGet*", "dynamodb:Describe*", "dynamodb:Get*", "dynamodb:List*",
                "dynamodb:PartiQLSelect", "dynamodb:Query", "dynamodb:Scan", "ec2:Describe*",
                "ec2:Get*", "ec2:Search*", "ecr:BatchCheck*", "ecr:BatchGet*", "ecr:Describe*",
                "ecr:Get*", "ecr:List*", "ecs:Describe*", "ecs:List*", "eks:Describe*", "eks:List*",
                "elasticmapreduce:Describe*", "elasticmapreduce:GetBlockPublicAccessConfiguration",
                "elasticmapreduce:List*", "elasticmapreduce:View*", "emr-serverless:Get*",
                "emr-serverless:List*", "es:Describe*", "es:ESHttpGet", "es:ESHttpHead", "es:Get*",
                "es:List*", "events:Describe*", "events:List*", "events:Test*", "firehose:Describe*",
                "firehose:List*", "glue:BatchGet*", "glue:CheckSchemaVersionValidity", "glue:Get*",
                "glue:List*", "glue:Query*", "glue:SearchTables", "iam:Generate*", "iam:Get*",
                "iam:List*", "iam:Simulate*", "kafka:Describe*", "kafka:Get*", "kafka:List*",
                "kafkaconnect:Describe*", "kafkaconnect:List*", "kinesis:Describe*", "kinesis:Get*",
                "kinesis:List*", "kinesisanalytics:Describe*", "kinesisanalytics:Discover*",
                "kinesisanalytics:Get*", "kinesisanalytics:List*", "kms:Describe*", "kms:Get*",
                "kms:List*", "lakeformation:DescribeResource", "lakeformation:GetDataCellsFilter",
                "lakeformation:GetDataLakeSettings", "lakeformation:GetEffectivePermissionsForPath",
                "lakeformation:GetLfTag", "lakeformation:GetResourceLfTags", "lakeformation:List*",
                "lakeformation:SearchDatabasesByLfTags", "lakeformation:SearchTablesByLfTags",
                "lambda:Get*", "lambda:List*", "logs:Describe*", "logs:Filter*", "logs:Get*",
                "logs:ListTagsForResource", "logs:ListTagsLogGroup", "logs:StartQuery",
                "logs:StopQuery", "logs:TestMetricFilter", "organizations:Describe*",
                "organizations:List*", "pipes:Describe*", "pipes:List*", "quicksight:Describe*",
                "quicksight:Get*", "quicksight:List*", "quicksight:Search*", "rds:Describe*",
                "rds:List*", "rds-data:Get*", "redshift:Describe*",
                "redshift:GetReservedNodeExchangeOfferings", "redshift:List*", "redshift:View*",
                "redshift-data:Describe*", "redshift-data:GetStatementResult", "redshift-data:List*",
                "redshift-serverless:Get*", "redshift-serverless:List*", "s3:DescribeJob", "s3:Get*",
                "s3:List*", "s3-object-lambda:Get*", "s3-object-lambda:List*", "s3tables:Get*",
                "s3tables:List*", "sagemaker:Describe*", "sagemaker:GetSearchSuggestions",
                "sagemaker:List*", "sagemaker:Search", "scheduler:Get*", "scheduler:List*",
                "schemas:Describe*", "schemas:Get*", "schemas:List*", "schemas:Search*",
                "secretsmanager:Describe*", "secretsmanager:GetResourcePolicy", "secretsmanager:List*",
                "servicequotas:Get*", "servicequotas:List*", "sns:Check*", "sns:Get*", "sns:List*",
                "sqs:Get*", "sqs:List*", "sqs:Receive*", "ssm:Describe*", "ssm:Get*", "ssm:List*",
                "states:Describe*", "states:Get*", "states:List*", "sts:GetAccessKeyInfo",
                "sts:GetCallerIdentity", "sts:GetSessionToken", "tag:Describe*", "tag:Get*",
                "timestream:Describe*", "timestream:List*", "timestream:Select*", "xray:BatchGet*",
                "xray:Get*"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/",
        name: "SecurityAudit",
        description: "Looking at how everything is set up and who may do what; not at data.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "access-analyzer:Get*", "access-analyzer:List*", "acm:Describe*", "acm:List*",
                "athena:GetWorkGroup", "athena:List*", "cloudtrail:DescribeTrails",
                "cloudtrail:GetEventSelectors", "cloudtrail:GetInsightSelectors", "cloudtrail:GetTrail",
                "cloudtrail:GetTrailStatus", "cloudtrail:ListTags", "cloudtrail:ListTrails",
                "cloudtrail:LookupEvents", "cloudwatch:Describe*", "cloudwatch:List*",
                "config:Describe*", "config:Get*", "config:List*", "dynamodb:Describe*",
                "dynamodb:List*", "ec2:Describe*", "ecr:Describe*", "ecr:GetLifecyclePolicy",
                "ecr:GetRepositoryPolicy", "ecr:List*", "es:Describe*", "es:List*", "events:Describe*",
                "events:List*", "firehose:Describe*", "firehose:List*", "glue:GetCrawlers",
                "glue:GetDatabases", "glue:GetDataCatalogEncryptionSettings", "glue:GetDevEndpoints",
                "glue:GetJobs", "glue:GetResourcePolicy", "glue:GetSecurityConfiguration*",
                "iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Get*",
                "iam:List*", "iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy",
                "kafka:Describe*", "kafka:List*", "kinesis:DescribeLimits", "kinesis:DescribeStream",
                "kinesis:DescribeStreamConsumer", "kinesis:DescribeStreamSummary", "kinesis:List*",
                "kms:Describe*", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:List*",
                "lakeformation:GetDataLakeSettings", "lakeformation:List*", "lambda:GetAccountSettings",
                "lambda:GetFunctionConfiguration", "lambda:GetLayerVersionPolicy", "lambda:GetPolicy",
                "lambda:List*", "logs:Describe*", "logs:ListTagsLogGroup", "organizations:Describe*",
                "organizations:List*", "redshift:Describe*", "s3:GetAccelerateConfiguration",
                "s3:GetAccessPoint*", "s3:GetAccountPublicAccessBlock", "s3:GetAnalyticsConfiguration",
                "s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetInventoryConfiguration",
                "s3:GetLifecycleConfiguration", "s3:GetMetricsConfiguration", "s3:GetObjectAcl",
                "s3:GetObjectVersionAcl", "s3:GetReplicationConfiguration", "s3:ListAccessPoints",
                "s3:ListAllMyBuckets", "sagemaker:Describe*", "sagemaker:List*",
                "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy",
                "secretsmanager:ListSecret*", "sns:GetTopicAttributes", "sns:List*",
                "sqs:GetQueueAttributes", "sqs:List*", "ssm:Describe*", "ssm:ListDocuments",
                "states:Describe*", "states:List*", "tag:GetResources", "tag:GetTagKeys"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
    AwsPolicy {
        path: "/job-function/",
        name: "ViewOnlyAccess",
        description: "Seeing that resources are there; not what is in them.",
        document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "athena:List*", "cloudformation:List*", "cloudformation:DescribeStacks",
                "cloudtrail:DescribeTrails", "cloudtrail:LookupEvents", "cloudwatch:Describe*",
                "cloudwatch:Get*", "cloudwatch:List*", "dynamodb:ListTables", "dynamodb:DescribeLimits",
                "ec2:Describe*", "ecr:DescribeRepositories", "ecr:ListImages",
                "es:DescribeElasticsearchDomain*", "es:ListDomainNames", "events:ListRule*",
                "firehose:List*", "firehose:DescribeDeliveryStream", "glue:ListCrawlers",
                "glue:ListJobs", "glue:ListTriggers", "glue:ListWorkflows", "iam:List*",
                "iam:GetAccountSummary", "iam:GetLoginProfile", "kafka:ListClusters", "kinesis:List*",
                "kms:ListKeys", "kms:ListAliases", "lambda:List*", "logs:Describe*",
                "redshift:DescribeClusters", "s3:ListAllMyBuckets", "s3:ListBucket", "sagemaker:List*",
                "sns:List*", "sqs:ListQueues", "states:List*"
            ],
            "Resource": "*"
        }
    ]
}"#,
    },
];

#[cfg(test)]
mod tests {
    use millpond_policy::{Kind, Policy};

    use super::*;

    #[test]
    fn every_policy_is_in_order_and_found_by_its_arn() {
        assert!(POLICIES.windows(2).all(|pair| pair[0].name < pair[1].name), "they are sorted");
        for policy in POLICIES {
            let arn = policy.arn();
            assert!(std::ptr::eq(find(&arn).unwrap(), policy), "{arn}");
            for kind in [Kind::Identity, Kind::Boundary] {
                Policy::parse(policy.document, kind).unwrap_or_else(|error| panic!("{arn}: {error}"));
            }
        }
        for unknown in ["", "arn:aws:iam::aws:policy", "arn:aws:iam::aws:policy/x/AdministratorAccess"] {
            assert!(find(unknown).is_none(), "{unknown}");
        }
    }
}
