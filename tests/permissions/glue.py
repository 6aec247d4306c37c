"""Glue: the catalog, the database and the table, all three."""

from permissions.world import Ask, arn, partition, table

CATALOG = arn("glue", "catalog")


def _on_database(name, action, *more, **arguments):
    resources = [CATALOG, arn("glue", f"database/{name}"), *more]
    return Ask(arguments, [(f"glue:{action}", resource) for resource in resources])


def _on_table(database, action, name, **arguments):
    return _on_database(database, action, arn("glue", f"table/{database}/{name}"), DatabaseName=database, **arguments)


def _in_table(w, action, **arguments):
    name = w.new_table()
    return _on_table(name, action, name, TableName=name, **arguments)


def _new_database(w):
    name = w.name()
    return _on_database(name, "CreateDatabase", DatabaseInput={"Name": name})


def _gone_database(w):
    name = w.new_table()
    inside = [arn("glue", f"{kind}/{name}/*") for kind in ("table", "userDefinedFunction")]
    return _on_database(name, "DeleteDatabase", *inside, Name=name)


def _changed_database(w):
    name = w.new_database()
    return _on_database(name, "UpdateDatabase", Name=name, DatabaseInput={"Name": name, "Description": "x"})


def _shown_database(w):
    name = w.new_database()
    return _on_database(name, "GetDatabase", Name=name)


def _new_table(w):
    name = w.new_database()
    return _on_table(name, "CreateTable", name, TableInput=table(name))


def _changed_table(w):
    name = w.new_table()
    return _on_table(name, "UpdateTable", name, TableInput={**table(name), "Description": "x"})


def _named_table(w, action):
    name = w.new_table()
    return _on_table(name, action, name, Name=name)


def _gone_tables(w):
    name = w.new_table()
    return _on_table(name, "BatchDeleteTable", name, TablesToDelete=[name])


def _all_tables(w):
    name = w.new_table()
    return _on_table(name, "GetTables", "*")


def _crawler(name, action, code=None, **arguments):
    return Ask(arguments or {"Name": name}, [(f"glue:{action}", arn("glue", f"crawler/{name}"))], code)


def _everywhere(action, **arguments):
    return Ask(arguments, [(f"glue:{action}", "*")])


def _classifier(w, action):
    return _everywhere(action, Name=w.new_classifier())


def _gone_version(w):
    name = w.new_table()
    return _on_table(name, "DeleteTableVersion", name, TableName=name, VersionId="0")


def _changed_crawler(w):
    name = w.new_crawler()
    return _crawler(name, "UpdateCrawler", Name=name, Description="x")


def _new_crawler(w):
    return Ask(w.crawler(w.name()), [("glue:CreateCrawler", "*"), ("iam:PassRole", w.role)])


def _crawler_of_a_role(w):
    name = w.new_crawler()
    asked = _crawler(name, "UpdateCrawler", Name=name, Role=w.role)
    return Ask(asked.arguments, [*asked.needs, ("iam:PassRole", w.role)])


def _crawlers(w):
    name = w.new_crawler()
    return _crawler(name, "BatchGetCrawlers", CrawlerNames=[name])


GLUE = {
    "BatchCreatePartition": lambda w: _in_table(w, "BatchCreatePartition", PartitionInputList=[partition("2")]),
    "BatchDeletePartition": lambda w: _in_table(w, "BatchDeletePartition", PartitionsToDelete=[{"Values": ["1"]}]),
    "BatchDeleteTable": _gone_tables,
    "BatchDeleteTableVersion": lambda w: _in_table(w, "BatchDeleteTableVersion", VersionIds=["0"]),
    "BatchGetCrawlers": _crawlers,
    "BatchGetPartition": lambda w: _in_table(w, "BatchGetPartition", PartitionsToGet=[{"Values": ["1"]}]),
    "BatchUpdatePartition": lambda w: _in_table(
        w, "BatchUpdatePartition", Entries=[{"PartitionValueList": ["1"], "PartitionInput": partition("1")}]),
    "CreateClassifier": lambda w: _everywhere("CreateClassifier", CsvClassifier={"Name": w.name()}),
    "CreateCrawler": _new_crawler,
    "CreateDatabase": _new_database,
    "CreatePartition": lambda w: _in_table(w, "CreatePartition", PartitionInput=partition("2")),
    "CreateTable": _new_table,
    "DeleteClassifier": lambda w: _classifier(w, "DeleteClassifier"),
    "DeleteCrawler": lambda w: _crawler(w.new_crawler(), "DeleteCrawler"),
    "DeleteDatabase": _gone_database,
    "DeletePartition": lambda w: _in_table(w, "DeletePartition", PartitionValues=["1"]),
    "DeleteTable": lambda w: _named_table(w, "DeleteTable"),
    "DeleteTableVersion": _gone_version,
    "GetClassifier": lambda w: _classifier(w, "GetClassifier"),
    "GetClassifiers": lambda w: _everywhere("GetClassifiers"),
    "GetCrawler": lambda w: _crawler(w.new_crawler(), "GetCrawler"),
    "GetCrawlerMetrics": lambda w: _everywhere("GetCrawlerMetrics"),
    "GetCrawlers": lambda w: _everywhere("GetCrawlers"),
    "GetDatabase": _shown_database,
    "GetDatabases": lambda w: _on_database("*", "GetDatabases"),
    "GetPartition": lambda w: _in_table(w, "GetPartition", PartitionValues=["1"]),
    "GetPartitionIndexes": lambda w: _in_table(w, "GetPartitionIndexes"),
    "GetPartitions": lambda w: _in_table(w, "GetPartitions"),
    "GetTable": lambda w: _named_table(w, "GetTable"),
    "GetTableVersion": lambda w: _in_table(w, "GetTableVersion"),
    "GetTableVersions": lambda w: _in_table(w, "GetTableVersions"),
    "GetTables": _all_tables,
    "ListCrawlers": lambda w: _everywhere("ListCrawlers"),
    "StartCrawler": lambda w: _crawler(w.new_crawler(), "StartCrawler"),
    "StopCrawler": lambda w: _crawler(w.new_crawler(), "StopCrawler", "CrawlerNotRunningException"),
    "UpdateClassifier": lambda w: _everywhere(
        "UpdateClassifier", CsvClassifier={"Name": w.new_classifier(), "Delimiter": ";"}),
    "UpdateCrawler": _changed_crawler,
    "UpdateCrawler with a role": _crawler_of_a_role,
    "UpdateDatabase": _changed_database,
    "UpdatePartition": lambda w: _in_table(
        w, "UpdatePartition", PartitionValueList=["1"], PartitionInput=partition("1")),
    "UpdateTable": _changed_table,
}
