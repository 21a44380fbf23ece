"""Asks Timberline through psycopg and asyncpg as they are; any surprise is an error."""

import asyncio
import datetime
import decimal
import sys
import threading
import time

import asyncpg
import psycopg

host, port = sys.argv[1].rsplit(":", 1)
port = int(port)
UTC = datetime.timezone.utc
AT = datetime.datetime(2026, 1, 1, 12, 0, 0, 500000, tzinfo=UTC)
SLOW = "select count(*) from generate_series(1, 100000000000) where value % 7 = 9"
SERIES = "select value from generate_series(1, 25)"


def expect(found, wanted):
    assert found == wanted, f"{found!r} instead of {wanted!r}"


def raises(kind, do):
    try:
        do()
    except kind:
        return
    raise AssertionError(f"no {kind}")


def with_psycopg():
    dsn = f"host={host} port={port} user=ada dbname=default"
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = "select 1, 'x', null, 0.5::double, true, 'NaN'::double"
        expect(connection.execute(row).fetchone()[:5], (1, "x", None, 0.5, True))
        found = connection.execute("select %s + 1, %s, %s::timestamptz", (41, "é", AT)).fetchone()
        expect(found[:2], (42, "é"))
        kinds = ("select 18446744073709551615, map(['a'], ['b']), [1, 2], interval '1 day', "
                 "date '2026-01-01', timestamptz '2026-01-01T12:00:00.5Z'")
        for binary in (False, True):
            found = connection.cursor(binary=binary).execute(kinds).fetchone()
            expect(found, (decimal.Decimal(18446744073709551615), {"a": "b"}, [1, 2],
                           datetime.timedelta(days=1), datetime.date(2026, 1, 1), AT))
        raises(psycopg.errors.UndefinedTable, lambda: connection.execute("select * from nothing"))
        raises(psycopg.errors.UndefinedColumn, lambda: connection.execute("select nothing"))
        try:
            connection.execute("select 1 +\n   selec from")
        except psycopg.Error as error:
            expect(error.diag.sqlstate, "42601")
        stream = connection.cursor().stream("select value from generate_series(1, 50000)")
        expect(sum(1 for _ in stream), 50000)
        with connection.cursor().copy(
                "copy (select value, null from generate_series(1, 3)) to stdout") as copied:
            expect(list(copied.rows()), [("1", None), ("2", None), ("3", None)])
        copy = "copy (select value, value / 2.0 as half from generate_series(1, 9)) to 'n.parquet'"
        expect(connection.execute(copy).statusmessage, "COPY 9")
        expect(connection.execute("select sum(value) from 'n.parquet' where half > %s",
                                  (3,)).fetchone(), (24,))
        raises(psycopg.Error, lambda: connection.execute(copy))
        for number in range(8):
            found = connection.execute("select %s::bigint", (number,), prepare=True).fetchone()
            expect(found, (number,))
        connection.execute("set statement_timeout = '200ms'")
        raises(psycopg.errors.QueryCanceled, lambda: connection.execute(SLOW))
        connection.execute("reset all")
        ended = threading.Event()

        def cancel():
            # One that comes while the statement is still being planned is not for it.
            while not ended.wait(0.2):
                connection.cancel()

        canceling = threading.Thread(target=cancel, daemon=True)
        canceling.start()
        begun = time.monotonic()
        raises(psycopg.errors.QueryCanceled, lambda: connection.execute(SLOW))
        ended.set()
        canceling.join()
        assert time.monotonic() - begun < 60, "not canceled, but out of time"
        expect(connection.execute("select 7").fetchone(), (7,))
    with psycopg.connect(dsn) as connection:
        with connection.cursor(name="of mine") as cursor:
            cursor.itersize = 10
            cursor.execute(f"{SERIES} where value > %s", (5,))
            expect(cursor.description[0].name, "value")
            expect([value for (value,) in cursor], list(range(6, 26)))
        raises(psycopg.Error, lambda: connection.execute("select nothing"))
        raises(psycopg.errors.InFailedSqlTransaction, lambda: connection.execute("select 1"))
        connection.rollback()
        expect(connection.execute("select 1").fetchone(), (1,))
    raises(psycopg.OperationalError,
           lambda: psycopg.connect(f"host={host} port={port} user=ada dbname=nothing"))


async def with_asyncpg():
    target = {"host": host, "port": port, "user": "ada", "database": "default"}
    connection = await asyncpg.connect(**target)
    row = await connection.fetchrow("select $1::bigint + 1 as n, $2::varchar as s", 41, "é")
    expect((row["n"], row["s"]), (42, "é"))
    row = await connection.fetchrow("select $1::timestamptz as t, ['a'] as l, true as b", AT)
    expect((row["t"], row["l"], row["b"]), (AT, ["a"], True))
    async with connection.transaction():
        found = [row["value"] async for row in connection.cursor(SERIES, prefetch=10)]
        expect(found, list(range(1, 26)))
    try:
        await connection.fetch(SLOW, timeout=0.3)
        raise AssertionError("no timeout")
    except asyncio.TimeoutError:
        pass
    expect(await connection.fetchval("select 42"), 42)
    await connection.close()
    pool = await asyncpg.create_pool(min_size=2, max_size=2, **target)
    expect(await asyncio.gather(*(pool.fetchval("select 1") for _ in range(10))), [1] * 10)
    await pool.close()


with_psycopg()
asyncio.run(with_asyncpg())
print("all is well")
