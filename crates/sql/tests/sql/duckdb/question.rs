//! Random questions that both dialects can say.
//!
//! DuckDB has times as whole nanoseconds, `ns`, so that time is arithmetic there and buckets and conditions
//! here.

use timberline_io::Random;

/// 2024-01-01T00:00:00Z
pub(super) const BEGIN: i64 = 1_704_067_200_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// Small whole numbers, so that there are equal ones, and others.
pub(super) fn value(random: &mut Random) -> f64 {
    let whole = random.below(21) as f64 - 10.0;
    if random.one_in(3) { whole + random.below(1_000) as f64 / 1_000.0 } else { whole }
}

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Timberline,
    DuckDb,
}

/// A question in words that have `{...}` for what the dialects say differently.
pub(super) struct Question(String);

impl Question {
    /// As one of them has it.
    pub(super) fn text(&self, dialect: Dialect) -> String {
        let mut out = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (words, after) = after.split_once('}').unwrap();
            out.push_str(before);
            out.push_str(&said(words, dialect));
            rest = after;
        }
        out + rest
    }
}

fn said(words: &str, dialect: Dialect) -> String {
    let parts: Vec<&str> = words.split(' ').collect();
    match (parts.as_slice(), dialect) {
        (["ns"], Dialect::Timberline) => "time::bigint".to_owned(),
        (["ns"], Dialect::DuckDb) => "ns".to_owned(),
        (["ns", table], Dialect::Timberline) => format!("{table}.time::bigint"),
        (["ns", table], Dialect::DuckDb) => format!("{table}.ns"),
        (["time"], Dialect::Timberline) => "time".to_owned(),
        (["time"], Dialect::DuckDb) => "ns".to_owned(),
        (["time", table], Dialect::Timberline) => format!("{table}.time"),
        (["time", table], Dialect::DuckDb) => format!("{table}.ns"),
        (["at", ns], Dialect::Timberline) => format!("to_timestamp_nanos({ns})"),
        (["at", ns], Dialect::DuckDb) => (*ns).to_owned(),
        (["bucket", seconds], Dialect::Timberline) => {
            format!("time_bucket('{seconds}s', time)::bigint")
        }
        (["bucket", seconds], Dialect::DuckDb) => format!("ns - ns % {seconds}000000000"),
        (other, _) => panic!("{other:?}"),
    }
}

/// A condition on one row.
fn condition(chance: &mut Random, depth: u32) -> String {
    if depth > 0 && chance.below(2) == 0 {
        let (left, right) = (condition(chance, depth - 1), condition(chance, depth - 1));
        return match chance.below(3) {
            0 => format!("({left} OR {right})"),
            1 => format!("NOT ({left})"),
            _ => format!("({left} AND {right})"),
        };
    }
    let label = chance.pick(&["host", "dc"]);
    let text = chance.pick(&["a", "b", "web-1", "A b", "x", "y", "none"]);
    let value = chance.below(21) as i64 - 10;
    let at = BEGIN + chance.below(3 * 3_600) as i64 * SECOND;
    let compare = chance.pick(&["=", "<>", "<", "<=", ">", ">="]);
    match chance.below(9) {
        0 => format!("{label} {compare} '{text}'"),
        1 => format!("{label} IS {}NULL", chance.pick(&["", "NOT "])),
        2 => format!("{label} {}IN ('a', 'x', '{text}')", chance.pick(&["", "NOT "])),
        3 => {
            let pattern = chance.pick(&["%", "a%", "%b", "_", "web%", "% %"]);
            format!("{label} {}LIKE '{pattern}'", chance.pick(&["", "NOT "]))
        }
        4 => format!("value {compare} {value}"),
        5 => format!("value BETWEEN {value} AND {}", value + 5),
        6 => format!("{{time}} {compare} {{at {at}}}"),
        7 => format!("{{time}} BETWEEN {{at {at}}} AND {{at {}}}", at + 1_800 * SECOND),
        _ => format!("coalesce({label}, 'none') {compare} '{text}'"),
    }
}

/// Any question.
pub(super) fn question(chance: &mut Random) -> Question {
    let table = chance.pick(&["cpu", "mem"]);
    let when = condition(chance, 2);
    Question(match chance.below(12) {
        0 => format!("SELECT {{ns}}, host, dc, value FROM {table} WHERE {when}"),
        1 => {
            let order = chance.pick(&["ASC NULLS FIRST", "ASC NULLS LAST", "DESC NULLS LAST"]);
            let (limit, offset) = (1 + chance.below(40), chance.below(10));
            format!(
                "SELECT {{ns}} AS ns, host, dc, value FROM {table} WHERE {when} ORDER BY host {order}, \
                 dc {order}, {{time}} {} LIMIT {limit} OFFSET {offset}",
                chance.pick(&["ASC", "DESC"])
            )
        }
        2 | 3 => grouped(chance, table, &when),
        4 => windowed(chance, table, &when),
        5 => joined(chance),
        6 => nested(chance, table, &when),
        7 => format!(
            "SELECT DISTINCT {} FROM {table} WHERE {when}",
            chance.pick(&["host", "host, dc", "dc, value > 0", "upper(host), length(dc)"])
        ),
        8 => {
            let set = chance.pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]);
            format!("SELECT host, dc FROM cpu WHERE {when} {set} SELECT host, dc FROM mem")
        }
        9 => format!(
            "SELECT CASE WHEN value < 0 THEN 'low' WHEN value < 5 THEN 'middle' END AS band, \
             coalesce(host, '-') || '/' || coalesce(dc, '-') AS place, count(*), \
             sum(abs(value)), min(substr(host, 1, 1)) FROM {table} WHERE {when} GROUP BY 1, 2"
        ),
        10 => format!(
            "SELECT host, dc, count(*), sum(value), avg(value), min(value), max(value), \
             min({{ns}}), max({{ns}}) FROM {table} WHERE {when} GROUP BY ROLLUP (host, dc)"
        ),
        _ => format!(
            "SELECT count(*), count(host), count(DISTINCT dc), count(DISTINCT value), sum(value), \
             avg(value), stddev_samp(value), var_pop(value), median(value), bool_and(value > 0), \
             sum(value) FILTER (WHERE host = 'a') FROM {table} WHERE {when}"
        ),
    })
}

fn grouped(chance: &mut Random, table: &str, when: &str) -> String {
    let width = chance.pick(&["30", "60", "300", "3600"]);
    let keys = match chance.below(5) {
        0 => "host".to_owned(),
        1 => "host, dc".to_owned(),
        2 => format!("{{bucket {width}}}"),
        3 => format!("host, {{bucket {width}}}"),
        _ => format!("dc, host, {{bucket {width}}}"),
    };
    let places: Vec<String> = (1..=keys.split(", ").count()).map(|n| n.to_string()).collect();
    let having = match chance.below(3) {
        0 => " HAVING count(*) > 3".to_owned(),
        1 => " HAVING max(value) > 2 AND min(value) < 5".to_owned(),
        _ => String::new(),
    };
    format!(
        "SELECT {keys}, count(*), count(value), sum(value), avg(value), min(value), max(value), \
         min({{ns}}), max({{ns}}) FROM {table} WHERE {when} GROUP BY {}{having}",
        places.join(", ")
    )
}

fn windowed(chance: &mut Random, table: &str, when: &str) -> String {
    let over = "OVER (PARTITION BY host, dc ORDER BY {time}";
    let rows = chance.below(4);
    let call = match chance.below(7) {
        0 => format!("lag(value) {over})"),
        1 => format!("lead(value, 2, -1.0) {over})"),
        2 => format!("row_number() {over})"),
        3 => format!("sum(value) {over} ROWS BETWEEN {rows} PRECEDING AND CURRENT ROW)"),
        4 => format!("avg(value) {over} ROWS BETWEEN {rows} PRECEDING AND 1 FOLLOWING)"),
        5 => "rank() OVER (PARTITION BY host ORDER BY value)".to_owned(),
        _ => format!("value - first_value(value) {over})"),
    };
    format!("SELECT {{ns}}, host, dc, {call} FROM {table} WHERE {when}")
}

fn joined(chance: &mut Random) -> String {
    let kind = chance.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
    let value = chance.below(10) as i64 - 5;
    match chance.below(3) {
        0 => format!(
            "SELECT a.host, a.n, b.n FROM (SELECT host, count(*) AS n FROM cpu WHERE value > {value} \
             GROUP BY host) a {kind} (SELECT host, count(*) AS n FROM mem GROUP BY host) b \
             ON a.host = b.host"
        ),
        1 => format!(
            "SELECT {{ns a}}, a.host, a.dc, a.value, b.value FROM cpu a {} cpu b ON a.host = b.host \
             AND a.dc = b.dc AND {{time a}} = {{time b}} AND b.value > {value}",
            chance.pick(&["JOIN", "LEFT JOIN"])
        ),
        _ => format!(
            "SELECT a.host, count(*), sum(a.value + b.value) FROM cpu a JOIN mem b \
             ON a.host = b.host AND a.value = b.value WHERE a.value > {value} GROUP BY a.host"
        ),
    }
}

fn nested(chance: &mut Random, table: &str, when: &str) -> String {
    let other = chance.pick(&["cpu", "mem"]);
    match chance.below(4) {
        0 => format!(
            "SELECT {{ns}}, host, dc, value FROM {table} WHERE value > (SELECT avg(value) FROM {other} \
             WHERE {when})"
        ),
        1 => format!(
            "SELECT host, count(*) FROM {table} WHERE host IN (SELECT host FROM {other} WHERE {when}) \
             GROUP BY host"
        ),
        2 => format!(
            "SELECT t.host, t.dc, count(*) FROM {table} t WHERE {} (SELECT 1 FROM {other} o WHERE \
             o.host = t.host AND o.value > t.value + 3) GROUP BY 1, 2",
            chance.pick(&["EXISTS", "NOT EXISTS"])
        ),
        _ => format!(
            "WITH of_host AS (SELECT host, dc, max(value) AS top FROM {table} WHERE {when} GROUP BY 1, 2) \
             SELECT dc, count(*), sum(top) FROM of_host GROUP BY dc ORDER BY dc NULLS LAST"
        ),
    }
}
