//! The `SELECT` of a subscription: which of SQL it may use, and what that means.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Query, Select, SelectItem, Spanned, TableFactor,
};
use timberline_model::Matcher;

use super::{
    condition::Condition,
    filter, literal,
    plan::{METRIC, Plan, RowColumn, Shape, WindowColumn, Windowed},
    statement::{Settings, wrong},
    stats::Aggregate,
};
use crate::SqlError;

/// The table that the statement reads.
pub(super) struct Table {
    /// Of the whole database, where labels are in `tags`; else of one metric, where they are columns.
    pub(super) whole: bool,
}

/// What an expression names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Column {
    Time,
    Value,
    Tags,
    Label(String),
}

/// What an item of the list is, once it is understood.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    Column(Column),
    /// Width and origin.
    Bucket(i64, i64),
    Aggregate(Aggregate),
}

struct Named {
    name: String,
    item: Item,
}

/// Understands the query as a whole.
pub(super) fn understand(
    query: &Query,
    select: &Select,
    settings: Settings,
    fingerprint: u64,
) -> Result<Plan, SqlError> {
    refuse_clauses(query, select)?;
    let (table, matchers) = table(select)?;
    let items = items(select, &table)?;
    let condition = match &select.selection {
        Some(condition) => filter::condition(condition, &table)?,
        None => Condition::And(Vec::new()),
    };
    let columns: Vec<String> = items.iter().map(|named| named.name.clone()).collect();
    let mut names = HashSet::new();
    if let Some(twice) = columns.iter().find(|name| !names.insert(*name)) {
        let name = format!("two columns with the name {twice:?}, unless AS gives one another");
        return Err(refuse(select, &name));
    }
    let GroupByExpr::Expressions(groups, modifiers) = &select.group_by else {
        return Err(refuse(&select.group_by, "GROUP BY ALL"));
    };
    if let Some(modifier) = modifiers.first() {
        return Err(refuse(&select.group_by, &format!("{modifier}")));
    }
    let aggregates = items.iter().any(|named| matches!(named.item, Item::Aggregate(_)));
    let shape = if groups.is_empty() && !aggregates {
        if let Some(having) = &select.having {
            return Err(refuse(having, "HAVING without GROUP BY"));
        }
        Shape::Rows(row_columns(select, &items)?)
    } else {
        Shape::Windows(windowed(select, &items, groups, &table, settings)?)
    };
    if settings.changes && matches!(shape, Shape::Rows(_)) {
        return Err(refuse(select, "EMIT CHANGES without GROUP BY"));
    }
    Ok(Plan { fingerprint, matchers, condition, shape, columns })
}

/// The error for what is not offered, with its place.
pub(super) fn refuse(what: &impl Spanned, name: &str) -> SqlError {
    wrong(
        format!("a subscription cannot have this: {name}. See docs/subscribe.md for what it can"),
        what.span().start,
    )
}

fn refuse_clauses(query: &Query, select: &Select) -> Result<(), SqlError> {
    let clauses = [
        (query.with.is_some(), "WITH before SELECT"),
        (query.order_by.is_some(), "ORDER BY"),
        (query.limit_clause.is_some() || query.fetch.is_some(), "LIMIT"),
        (!query.locks.is_empty() || query.for_clause.is_some(), "FOR"),
        (query.settings.is_some() || query.format_clause.is_some(), "SETTINGS or FORMAT"),
        (!query.pipe_operators.is_empty(), "|>"),
        (matches!(select.distinct, Some(Distinct::Distinct | Distinct::On(_))), "DISTINCT"),
        (select.top.is_some(), "TOP"),
        (select.into.is_some() || select.exclude.is_some(), "INTO or EXCLUDE"),
        (!select.lateral_views.is_empty() || select.prewhere.is_some(), "LATERAL VIEW or PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty() || !select.distribute_by.is_empty(), "CLUSTER BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (!select.named_window.is_empty() || select.qualify.is_some(), "WINDOW or QUALIFY"),
        (select.value_table_mode.is_some(), "AS STRUCT"),
    ];
    match clauses.iter().find(|(there, _)| *there) {
        Some((_, name)) => Err(refuse(query, name)),
        None => Ok(()),
    }
}

fn table(select: &Select) -> Result<(Table, Vec<Matcher>), SqlError> {
    let [from] = select.from.as_slice() else {
        return Err(refuse(select, "any number of tables but one"));
    };
    if let Some(join) = from.joins.first() {
        return Err(refuse(join, "JOIN"));
    }
    let TableFactor::Table { name, alias: None, args: None, .. } = &from.relation else {
        return Err(refuse(&from.relation, "anything but a table's name after FROM"));
    };
    let Some(ident) = name.0.last().and_then(|part| part.as_ident()) else {
        return Err(refuse(name, "this name of a table"));
    };
    let whole = name.0.len() == 1 && ident.value.eq_ignore_ascii_case("metrics");
    let metric = Matcher::equal(METRIC, ident.value.as_str());
    Ok((Table { whole }, if whole { Vec::new() } else { vec![metric] }))
}

fn items(select: &Select, table: &Table) -> Result<Vec<Named>, SqlError> {
    let mut items = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let item = item_of(expr, table)?;
                items.push(Named { name: name_of(expr, &item), item });
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                items.push(Named { name: alias.value.clone(), item: item_of(expr, table)? });
            }
            SelectItem::Wildcard(_) if table.whole => {
                let all = [
                    ("time", Column::Time),
                    ("metric", Column::Label(METRIC.to_owned())),
                    ("tags", Column::Tags),
                    ("value", Column::Value),
                ];
                items.extend(all.map(|(name, column)| Named {
                    name: name.to_owned(),
                    item: Item::Column(column),
                }));
            }
            other => return Err(refuse(other, &format!("{other}"))),
        }
    }
    Ok(items)
}

fn name_of(expr: &Expr, item: &Item) -> String {
    match (expr, item) {
        (Expr::Identifier(ident), _) => ident.value.clone(),
        (_, Item::Bucket(..)) => "time".to_owned(),
        (_, Item::Column(Column::Label(name))) => name.clone(),
        (expr, _) => expr.to_string().to_lowercase(),
    }
}

fn item_of(expr: &Expr, table: &Table) -> Result<Item, SqlError> {
    match expr {
        Expr::Nested(inner) => item_of(inner, table),
        Expr::Function(function) => {
            let name = function.name.to_string().to_ascii_lowercase();
            let arguments = literal::arguments(function)?;
            if name == "time_bucket" || name == "date_bin" {
                return bucket(expr, &arguments, table);
            }
            aggregate(expr, &name, &arguments, table).map(Item::Aggregate)
        }
        other => Ok(Item::Column(column(other, table)?)),
    }
}

fn bucket(expr: &Expr, arguments: &[Option<&Expr>], table: &Table) -> Result<Item, SqlError> {
    let (width, time, origin) = match arguments {
        [Some(width), Some(time)] => (width, time, 0),
        [Some(width), Some(time), Some(origin)] => (width, time, literal::instant(origin)?),
        _ => return Err(refuse(expr, "other arguments than a width, time and an origin")),
    };
    if column(time, table)? != Column::Time {
        return Err(refuse(*time, "buckets of anything but time"));
    }
    let width_nanos = literal::span(width)?;
    if width_nanos <= 0 {
        return Err(refuse(*width, "a bucket without a width"));
    }
    Ok(Item::Bucket(width_nanos, origin))
}

/// The aggregate that a call is.
pub(super) fn aggregate(
    expr: &Expr,
    name: &str,
    arguments: &[Option<&Expr>],
    table: &Table,
) -> Result<Aggregate, SqlError> {
    let found = match name {
        "count" => Aggregate::Count,
        "sum" => Aggregate::Sum,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "avg" | "mean" => Aggregate::Avg,
        "first" | "first_value" => Aggregate::First,
        "last" | "last_value" => Aggregate::Last,
        "stddev" | "stddev_samp" => Aggregate::Stddev,
        "stddev_pop" => Aggregate::StddevPop,
        other => return Err(refuse(expr, &format!("the function {other}"))),
    };
    let names = |expr: &Expr, wanted: &Column| column(expr, table).is_ok_and(|of| of == *wanted);
    let sound = match arguments {
        [None] => found == Aggregate::Count,
        [Some(Expr::Value(_))] => found == Aggregate::Count,
        [Some(value)] => names(value, &Column::Value),
        [Some(value), Some(time)] => {
            matches!(found, Aggregate::First | Aggregate::Last)
                && names(value, &Column::Value)
                && names(time, &Column::Time)
        }
        _ => false,
    };
    if sound { Ok(found) } else { Err(refuse(expr, "an aggregate of anything but value")) }
}

/// The column that an expression names.
pub(super) fn column(expr: &Expr, table: &Table) -> Result<Column, SqlError> {
    if let Expr::Nested(inner) = expr {
        return column(inner, table);
    }
    if let Some(label) = literal::tag(expr) {
        return Ok(Column::Label(label));
    }
    let Expr::Identifier(ident) = expr else {
        return Err(refuse(expr, &format!("{expr}")));
    };
    let name =
        if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() };
    match name.as_str() {
        "time" => Ok(Column::Time),
        "value" => Ok(Column::Value),
        "metric" if table.whole => Ok(Column::Label(METRIC.to_owned())),
        "tags" if table.whole => Ok(Column::Tags),
        _ if table.whole => Err(refuse(
            expr,
            &format!("the column {name:?}: metrics has time, metric, tags and value"),
        )),
        _ => Ok(Column::Label(ident.value.clone())),
    }
}

fn row_columns(select: &Select, items: &[Named]) -> Result<Vec<RowColumn>, SqlError> {
    let column = |named: &Named| match &named.item {
        Item::Column(Column::Time) => Ok(RowColumn::Time),
        Item::Column(Column::Value) => Ok(RowColumn::Value),
        Item::Column(Column::Tags) => Ok(RowColumn::Tags),
        Item::Column(Column::Label(name)) => Ok(RowColumn::Label(name.clone())),
        Item::Bucket(..) | Item::Aggregate(_) => {
            Err(refuse(select, "a time bucket without GROUP BY"))
        }
    };
    items.iter().map(column).collect()
}

fn windowed(
    select: &Select,
    items: &[Named],
    groups: &[Expr],
    table: &Table,
    settings: Settings,
) -> Result<Windowed, SqlError> {
    let mut window = None;
    let mut labels = Vec::new();
    for group in groups {
        match grouped(group, items, table)? {
            Item::Bucket(width, origin) if window.is_none() => window = Some((width, origin)),
            Item::Bucket(width, origin) if window == Some((width, origin)) => {}
            Item::Bucket(..) => return Err(refuse(group, "two different time buckets")),
            Item::Column(Column::Label(name)) => {
                if !labels.contains(&name) {
                    labels.push(name);
                }
            }
            _ => return Err(refuse(group, "grouping by anything but a time bucket and labels")),
        }
    }
    let Some((width, origin)) = window else {
        return Err(refuse(
            select,
            "aggregates without a time bucket in GROUP BY, which never end",
        ));
    };
    let column = |named: &Named| match &named.item {
        Item::Bucket(w, o) if (*w, *o) == (width, origin) => Ok(WindowColumn::Bucket),
        Item::Aggregate(aggregate) => Ok(WindowColumn::Aggregate(*aggregate)),
        Item::Column(Column::Label(name)) => {
            labels.iter().position(|label| label == name).map(WindowColumn::Label).ok_or_else(
                || refuse(select, &format!("the column {name:?}, which is not in GROUP BY")),
            )
        }
        _ => Err(refuse(select, &format!("the column {:?}, which is not in GROUP BY", named.name))),
    };
    let columns = items.iter().map(column).collect::<Result<_, _>>()?;
    let aliased = |name: &str| {
        let named = items.iter().find(|named| named.name.eq_ignore_ascii_case(name))?;
        match named.item {
            Item::Aggregate(aggregate) => Some(aggregate),
            _ => None,
        }
    };
    let having = match &select.having {
        Some(having) => Some(filter::having(having, table, &aliased)?),
        None => None,
    };
    let Settings { lateness, idle, changes } = settings;
    Ok(Windowed { width, origin, labels, columns, having, lateness, idle, changes })
}

/// What a `GROUP BY` names: an ordinal, an alias, or an expression.
fn grouped(group: &Expr, items: &[Named], table: &Table) -> Result<Item, SqlError> {
    if let Some(ordinal) = literal::number(group) {
        let index = (ordinal as usize).checked_sub(1);
        let item = index.and_then(|index| items.get(index));
        return item
            .map(|named| named.item.clone())
            .ok_or_else(|| refuse(group, "an ordinal that the list does not have"));
    }
    if let Expr::Identifier(ident) = group {
        let named = |named: &&Named| {
            named.name.eq_ignore_ascii_case(&ident.value)
                && !matches!(named.item, Item::Aggregate(_))
        };
        if let Some(named) = items.iter().find(named) {
            return Ok(named.item.clone());
        }
    }
    item_of(group, table)
}
