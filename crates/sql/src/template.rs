//! What all sessions have in common: functions, types, rules. Registering them takes longer than planning a
//! small statement, so it is done once.

use std::sync::Arc;

use datafusion::{
    execution::{SessionState, SessionStateBuilder, runtime_env::RuntimeEnv},
    physical_optimizer::optimizer::PhysicalOptimizer,
    prelude::{SessionConfig, SessionContext},
};

use crate::{SqlOptions, figures::FigureRule, pauses::PausesInJoins};

/// A session's state but for what is the session's own: its database, and what it sees of others.
pub(crate) fn template(options: &SqlOptions, runtime: &Arc<RuntimeEnv>) -> SessionState {
    let mut config = SessionConfig::new()
        .with_target_partitions(options.partitions.get())
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false);
    // What `now()` and casts of texts give is then of the type of the time column.
    config.options_mut().execution.time_zone = Some("UTC".to_owned());
    let mut rules = PhysicalOptimizer::new().rules;
    rules.insert(0, Arc::new(FigureRule));
    rules.push(Arc::new(PausesInJoins));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::clone(runtime))
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .with_query_planner(Arc::new(crate::functions::Planner))
        .build();
    let context = SessionContext::new_with_state(state);
    crate::functions::register(&context);
    crate::dialect::register(&context);
    crate::checked::register(&context);
    context.state()
}
