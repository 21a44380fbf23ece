//! `promql(expression, start, end, step)` and `promql(expression, time)`: what PromQL answers, as a table.
//!
//! ```sql
//! SELECT p.time, p.tags['host'], p.value FROM promql('rate(requests[5m])', now() - '1h', now(), '1m') AS p
//! ```
//!
//! The expression is parsed when the statement is planned, and evaluated, under the database's limits of
//! queries, on a thread of its own when the rows are asked for. Who stops reading stops the evaluation.

mod answer;
mod call;
mod source;

use std::sync::Arc;

use datafusion::{
    catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider, streaming::StreamingTable},
    error::Result,
    prelude::SessionContext,
};
use timberline::Database;

use call::Call;
use source::Evaluation;

const NAME: &str = "promql";

/// Makes the function known to a session; it asks this database.
pub(crate) fn register_promql(context: &SessionContext, database: &Arc<Database>) {
    context.register_udtf(NAME, Arc::new(PromQl(Arc::clone(database))));
}

/// The function.
#[derive(Debug)]
struct PromQl(Arc<Database>);

impl TableFunctionImpl for PromQl {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let call = Call::read(args.exprs(), args.session().config_options())?;
        call.parse(&self.0)?;
        let evaluation = Evaluation::new(Arc::clone(&self.0), call);
        let table = StreamingTable::try_new(answer::schema(), vec![Arc::new(evaluation)])?;
        Ok(Arc::new(table))
    }
}
