"""Athena, and what its catalog operations need of Glue."""

from permissions.glue import CATALOG
from permissions.world import Ask, arn, on


def _group(name, action, **arguments):
    return Ask(arguments, [(f"athena:{action}", arn("athena", f"workgroup/{name}"))])


def _new_group(w, action, member="WorkGroup", **arguments):
    name = w.name()
    w.root("athena").create_work_group(Name=name)
    return _group(name, action, **{member: name}, **arguments)


def _made_group(w):
    name = w.name()
    return _group(name, "CreateWorkGroup", Name=name)


def _query(w, action):
    group, query = w.query
    return _group(group, action, QueryExecutionId=query)


def _of_catalog(action, *more, **arguments):
    """The catalog's operations show what Glue shows the caller."""
    return Ask(arguments, [(f"athena:{action}", arn("athena", "datacatalog/AwsDataCatalog")), *more])


def _athena_database(w):
    name = w.new_database()
    shown = [("glue:GetDatabase", CATALOG), ("glue:GetDatabase", arn("glue", f"database/{name}"))]
    return _of_catalog("GetDatabase", *shown, CatalogName="AwsDataCatalog", DatabaseName=name)


def _athena_table(w, action, glue_action, asked, **arguments):
    name = w.new_table()
    table = name if asked is None else asked
    shown = [CATALOG, arn("glue", f"database/{name}"), arn("glue", f"table/{name}/{table}")]
    named = {"TableName": name} if asked is None else {}
    return _of_catalog(action, *((f"glue:{glue_action}", resource) for resource in shown),
                       CatalogName="AwsDataCatalog", DatabaseName=name, **named)


def _start(w):
    group, _ = w.query
    asked = _group(group, "StartQueryExecution", QueryString="SELECT 1", WorkGroup=group)
    asked.otherwise = (("s3:GetBucketLocation", on(w.results), "InvalidRequestException"),)
    return asked


def _results(w):
    _, query = w.query
    asked = _query(w, "GetQueryResults")
    asked.otherwise = (("s3:GetObject", on(w.results, f"{query}.csv"), "InvalidRequestException"),)
    return asked


def _batch(w):
    group, query = w.query
    return _group(group, "BatchGetQueryExecution", QueryExecutionIds=[query])


ATHENA = {
    "BatchGetQueryExecution": _batch,
    "CreateWorkGroup": _made_group,
    "DeleteWorkGroup": lambda w: _new_group(w, "DeleteWorkGroup"),
    "GetDataCatalog": lambda w: _of_catalog("GetDataCatalog", Name="AwsDataCatalog"),
    "GetDatabase": _athena_database,
    "GetQueryExecution": lambda w: _query(w, "GetQueryExecution"),
    "GetQueryResults": _results,
    "GetTableMetadata": lambda w: _athena_table(w, "GetTableMetadata", "GetTable", None),
    "GetWorkGroup": lambda w: _new_group(w, "GetWorkGroup"),
    "ListDataCatalogs": lambda w: Ask({}, [("athena:ListDataCatalogs", "*")]),
    "ListDatabases": lambda w: _of_catalog(
        "ListDatabases", ("glue:GetDatabases", CATALOG), ("glue:GetDatabases", arn("glue", "database/*")),
        CatalogName="AwsDataCatalog"),
    "ListQueryExecutions": lambda w: _group(w.query[0], "ListQueryExecutions", WorkGroup=w.query[0]),
    "ListTableMetadata": lambda w: _athena_table(w, "ListTableMetadata", "GetTables", "*"),
    "ListWorkGroups": lambda w: Ask({}, [("athena:ListWorkGroups", "*")]),
    "StartQueryExecution": _start,
    "StopQueryExecution": lambda w: _query(w, "StopQueryExecution"),
    "UpdateWorkGroup": lambda w: _new_group(w, "UpdateWorkGroup", Description="x"),
}
