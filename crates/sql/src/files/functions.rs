//! `read_parquet('x')`, `read_arrow('x')` and `read_csv('x')`: files whose names do not say what they are.
//!
//! ```sql
//! SELECT * FROM read_csv('hosts.txt', delim = ';', header = false)
//! ```
//!
//! They are read from the statement's syntax, as DataFusion's own table functions take no names before
//! their arguments.

use std::sync::Arc;

use datafusion::{
    common::TableReference,
    datasource::provider_as_source,
    error::Result,
    logical_expr::{
        LogicalPlanBuilder,
        planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning},
    },
    prelude::SessionContext,
    sql::sqlparser::ast::{BinaryOperator, Expr, FunctionArg, FunctionArgExpr, TableFactor, Value},
};

use super::{FileFormat, Files, ReadOptions, delimiter, file_table};
use crate::functions::{refused, wrong_count};

/// The functions, and what each reads.
const FUNCTIONS: [(&str, &str, FileFormat); 3] = [
    ("read_parquet", "read_parquet('file')", FileFormat::Parquet),
    ("read_arrow", "read_arrow('file')", FileFormat::Arrow),
    ("read_csv", "read_csv('file', delim = ',', header = true)", FileFormat::Csv),
];

/// Makes the functions known to a session; they read these files.
pub(crate) fn register_files(context: &SessionContext, files: &Arc<Files>) {
    let state = context.state_ref();
    let known = state.write().register_relation_planner(Arc::new(ReadFiles(Arc::clone(files))));
    debug_assert!(known.is_ok(), "a session takes any planner");
}

/// Plans calls of the functions.
#[derive(Debug)]
struct ReadFiles(Arc<Files>);

impl RelationPlanner for ReadFiles {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Table { name, alias, args: Some(args), .. } = &relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let called = match name.0.as_slice() {
            [part] => part.as_ident().map(|ident| context.normalize_ident(ident.clone())),
            _ => None,
        };
        let of_name = |(name, ..): &&(&str, &str, FileFormat)| called.as_deref() == Some(*name);
        let Some((name, usage, format)) = FUNCTIONS.iter().find(of_name) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let call = Call { name, usage, format: *format };
        let (file, options) = call.read(&args.args)?;
        let table = Arc::new(file_table(&self.0, &file, *format, &options)?);
        let plan =
            LogicalPlanBuilder::scan(TableReference::bare(*name), provider_as_source(table), None)?;
        let planned = PlannedRelation::new(plan.build()?, alias.clone());
        Ok(RelationPlanning::Planned(Box::new(planned)))
    }
}

/// A call of one of the functions.
struct Call {
    name: &'static str,
    usage: &'static str,
    format: FileFormat,
}

impl Call {
    fn read(&self, args: &[FunctionArg]) -> Result<(String, ReadOptions)> {
        let Some((file, settings)) = args.split_first() else {
            return Err(wrong_count(self.name, self.usage, 0));
        };
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = file else {
            return Err(refused(self.name, format_args!("the file is a text, not {file}")));
        };
        let Value::SingleQuotedString(file) = &value.value else {
            return Err(refused(self.name, format_args!("the file is a text, not {value}")));
        };
        let mut options = ReadOptions::of_name(file);
        for setting in settings {
            self.set(&mut options, setting)?;
        }
        Ok((file.clone(), options))
    }

    /// Reads `name = value`, or `name => value`.
    fn set(&self, options: &mut ReadOptions, setting: &FunctionArg) -> Result<()> {
        let wrong = || refused(self.name, format_args!("write {}, not {setting}", self.usage));
        let (name, value) = match setting {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(Expr::Value(value)), .. } => {
                (name, value)
            }
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp {
                left,
                op: BinaryOperator::Eq,
                right,
            })) => match (left.as_ref(), right.as_ref()) {
                (Expr::Identifier(name), Expr::Value(value)) => (name, value),
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        };
        match (self.format, name.value.to_ascii_lowercase().as_str(), &value.value) {
            (FileFormat::Csv, "delim" | "delimiter" | "sep", Value::SingleQuotedString(text)) => {
                options.delimiter = delimiter(text)?;
            }
            (FileFormat::Csv, "header", Value::Boolean(header)) => options.header = *header,
            _ => return Err(wrong()),
        }
        Ok(())
    }
}
