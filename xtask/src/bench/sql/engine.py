"""DuckDB and ClickHouse in a process of their own, asked over its standard input and output.

`engine.py prepare PORT FILE` reads all metrics of a Timberline on this machine in SQL, and writes a row for
each host and time into a Parquet file. `engine.py duckdb|clickhouse FILE DIR` loads that file into the engine's
own table in DIR, says its version and size, then answers each line, a question as a JSON string.
"""

import json
import os
import sys
import time
import urllib.request

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

TAGS = ["hostname", "region", "datacenter", "rack", "os", "arch", "team", "service", "service_version"]
METRICS = ["user", "system", "idle", "nice", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"]
ROUNDS, ROUNDS_MIN, SECONDS = 30, 5, 4.0


def ask_timberline(port, sql):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/sql",
        data=sql.encode(),
        headers={"Accept": "application/vnd.apache.arrow.stream", "Content-Type": "text/plain"},
    )
    with urllib.request.urlopen(request) as answer:
        return pa.ipc.open_stream(answer).read_all()


def plain(column):
    while pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column


def prepare(port, path):
    columns = {}
    for metric in METRICS:
        tags = ", ".join(TAGS if not columns else TAGS[:1])
        table = ask_timberline(
            port, f"SELECT {tags}, time, value FROM cpu_usage_{metric} ORDER BY hostname, time"
        )
        if not columns:
            for tag in TAGS:
                columns[tag] = plain(table[tag])
            columns["time"] = table["time"].cast(pa.timestamp("us"))
        same = [plain(table["hostname"]).combine_chunks().equals(columns["hostname"].combine_chunks()),
                table["time"].cast(pa.timestamp("us")).combine_chunks().equals(columns["time"].combine_chunks())]
        if not all(same):
            sys.exit(f"cpu_usage_{metric} has other hosts or times than the first metric")
        columns[f"cpu_usage_{metric}"] = table["value"]
    pa.parquet.write_table(pa.table(columns), path)


class DuckDb:
    def __init__(self, path, directory):
        import duckdb

        self.name = f"DuckDB {duckdb.__version__}"
        self.file = os.path.join(directory, "cpu.duckdb")
        self.connection = duckdb.connect(self.file)
        self.connection.execute(f"CREATE TABLE cpu AS SELECT * FROM '{path}' ORDER BY hostname, time")
        self.connection.execute("CHECKPOINT")

    def ask(self, sql):
        return self.connection.sql(sql).to_arrow_table()

    def bytes(self):
        return os.path.getsize(self.file)


class ClickHouse:
    def __init__(self, path, directory):
        import chdb
        from chdb import session

        self.session = session.Session(directory)
        tags = ", ".join(f"{tag} LowCardinality(String)" for tag in TAGS)
        values = ", ".join(f"cpu_usage_{metric} Float64" for metric in METRICS)
        self.session.query("CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic")
        self.session.query("USE bench")
        self.session.query(
            f"CREATE TABLE cpu ({tags}, time DateTime64(6, 'UTC'), {values}) "
            "ENGINE = MergeTree ORDER BY (hostname, time)"
        )
        self.session.query(f"INSERT INTO cpu SELECT * FROM file('{path}', Parquet)")
        self.session.query("OPTIMIZE TABLE cpu FINAL")
        version = str(self.session.query("SELECT version()", "TabSeparated")).strip()
        self.name = f"ClickHouse {version} (chdb {chdb.__version__})"

    def ask(self, sql):
        answer = self.session.query(sql, "ArrowStream")
        return pa.ipc.open_stream(pa.py_buffer(answer.bytes())).read_all()

    def bytes(self):
        sql = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'cpu'"
        return int(str(self.session.query(sql, "TabSeparated")).strip())


def is_number(of):
    return pa.types.is_floating(of) or pa.types.is_integer(of)


def numbers(table):
    found = []
    for name, column in zip(table.column_names, table.columns):
        # ClickHouse hands out times as numbers.
        if name not in ("minute", "minutes", "hour") and is_number(column.type):
            found.extend(column.to_pylist())
    return sorted(found)


def answer(engine, sql):
    first = engine.ask(sql)
    times, began, cpu = [], time.perf_counter(), time.process_time()
    while len(times) < ROUNDS and (len(times) < ROUNDS_MIN or time.perf_counter() - began < SECONDS):
        sent = time.perf_counter()
        engine.ask(sql)
        times.append(time.perf_counter() - sent)
    cpu = (time.process_time() - cpu) / len(times)
    return {"rows": first.num_rows, "numbers": numbers(first), "seconds": sorted(times), "cpu": cpu}


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    if what == "prepare":
        return prepare(*rest)
    began = time.perf_counter()
    engine = {"duckdb": DuckDb, "clickhouse": ClickHouse}[what](*rest)
    loaded = time.perf_counter() - began
    print(json.dumps({"name": engine.name, "bytes": engine.bytes(), "loaded": loaded}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(engine, json.loads(line))), flush=True)


main()
