//! `query_exemplars` and `metadata`: what is known beside samples.

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use timberline::{LabelQuery, SeriesSource as _};
use timberline_model::{ErrorKind, FamilyMetadata, Matcher};
use timberline_promql::{Expr, ExprKind};
use timberline_protocol::{
    TimeForm,
    prom_api::{self, parse_limit},
};

use super::{
    ask::{Answer, run},
    labels::{range_of, stop_of},
    params::Params,
    selector::parse_query,
    state::App,
};
use crate::error::{ApiError, Subject};

/// `GET|POST /api/v1/query_exemplars`.
pub(super) async fn exemplars(app: App, request: Request) -> Response {
    let ask = async {
        let params = Params::read(&app, request).await?;
        let text = params.required("query")?.to_owned();
        let range = range_of(&params)?;
        let config = app.config();
        let (timeout, features) = (config.query.timeout.as_std(), config.query.features.0);
        run(&app, params.client(), timeout, move |database, limits| {
            let (expr, _) = parse_query(&text, features)?;
            let mut selectors = Vec::new();
            collect_selectors(&expr, &mut selectors);
            let mut body = Vec::new();
            // No selectors would mean every series there is.
            let found = if selectors.is_empty() {
                Vec::new()
            } else {
                let query = LabelQuery { selectors, range, limit: 0, stop: stop_of(limits) };
                database
                    .exemplars(&query)
                    .map_err(|error| ApiError::new(Subject::Evaluation, error.kind(), &error))?
            };
            let samples: u64 = found.iter().map(|series| series.exemplars.len() as u64).sum();
            if samples > limits.samples_max {
                let max = limits.samples_max;
                let message =
                    format!("the answer has more than {max} exemplars (query.samples_max)");
                return Err(ApiError::new(Subject::Evaluation, ErrorKind::Limit, message));
            }
            prom_api::success(&mut body, &[], &[], |out| {
                prom_api::exemplars(out, &found, TimeForm::Seconds);
            });
            Ok(Answer { body, series: found.len() as u64, samples })
        })
        .await
    };
    ask.await.unwrap_or_else(IntoResponse::into_response)
}

/// The matchers of all selectors of an expression.
fn collect_selectors(expr: &Expr, found: &mut Vec<Vec<Matcher>>) {
    match &expr.kind {
        ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => {
            found.push(selector.matchers.clone());
        }
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => {
            collect_selectors(inner, found);
        }
        ExprKind::Subquery(subquery) => collect_selectors(&subquery.expr, found),
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| collect_selectors(arg, found)),
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.iter().for_each(|param| collect_selectors(param, found));
            collect_selectors(&aggregate.expr, found);
        }
        ExprKind::Binary(binary) => {
            collect_selectors(&binary.left, found);
            collect_selectors(&binary.right, found);
        }
        ExprKind::Number { .. } | ExprKind::String(_) => {}
    }
}

/// `GET /api/v1/metadata`.
pub(super) async fn metadata(app: App, request: Request) -> Response {
    let ask = async {
        let params = Params::read(&app, request).await?;
        let count = |name: &'static str| match params.get(name).map(|text| parse_limit(name, text))
        {
            Some(Ok(limit)) => Ok(limit.unwrap_or(0)),
            Some(Err(error)) => Err(ApiError::invalid(error)),
            None => Ok(0),
        };
        let (limit, per_metric) = (count("limit")?, count("limit_per_metric")?);
        let family = params.get("metric").map(str::to_owned);
        let timeout = app.config().query.timeout.as_std();
        run(&app, params.client(), timeout, move |database, _| {
            let entries = database.metadata(family.as_deref(), limit);
            let entries = limited(entries, per_metric);
            let mut body = Vec::new();
            prom_api::success(&mut body, &[], &[], |out| prom_api::metadata(out, &entries));
            Ok(Answer { body, series: 0, samples: 0 })
        })
        .await
    };
    ask.await.unwrap_or_else(IntoResponse::into_response)
}

/// At most so many entries of each family, which lie together; 0 for all.
fn limited(entries: Vec<FamilyMetadata>, per_metric: usize) -> Vec<FamilyMetadata> {
    if per_metric == 0 {
        return entries;
    }
    let families = entries.chunk_by(|a, b| a.family == b.family);
    families.flat_map(|family| &family[..family.len().min(per_metric)]).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selectors_of_an_expression_are_found_wherever_they_are() {
        let text =
            "sum(rate(a[5m])) / (b offset 1m + -max_over_time(c[1h:1m])) > topk(scalar(d), e)";
        let (expr, _) = parse_query(text, timberline::Features::default()).unwrap();
        let mut found = Vec::new();
        collect_selectors(&expr, &mut found);
        let names: Vec<_> = found.iter().map(|matchers| matchers[0].value().to_owned()).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn entries_are_limited_by_family() {
        let entry = |family: &str| FamilyMetadata {
            family: family.to_owned(),
            metadata: timberline_model::Metadata::default(),
        };
        let entries = vec![entry("a"), entry("a"), entry("b")];
        assert_eq!(limited(entries.clone(), 0).len(), 3);
        assert_eq!(limited(entries, 1), [entry("a"), entry("b")]);
    }
}
