//! `format_query` and `parse_query`: what a query is, without its answer.

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use timberline_promql::Expr;
use timberline_protocol::prom_api;

use super::{
    ask::{Answer, run},
    params::Params,
    selector::parse_query,
    state::App,
    syntax_tree::tree,
};
use crate::error::ApiError;

/// `GET|POST /api/v1/format_query`: the query laid out for people.
pub(super) async fn format(app: App, request: Request) -> Response {
    let laid_out = |out: &mut Vec<u8>, expr: &Expr| {
        prom_api::push_string(out, &expr.to_pretty());
        Ok(())
    };
    about(&app, request, laid_out).await.unwrap_or_else(IntoResponse::into_response)
}

/// `GET|POST /api/v1/parse_query`: the tree of the query.
pub(super) async fn parse(app: App, request: Request) -> Response {
    let as_tree = |out: &mut Vec<u8>, expr: &Expr| {
        serde_json::to_writer(out, &tree(expr)).map_err(ApiError::internal)
    };
    about(&app, request, as_tree).await.unwrap_or_else(IntoResponse::into_response)
}

/// Parses the query, which is work, and answers what there is to say of it.
async fn about(
    app: &App,
    request: Request,
    say: impl FnOnce(&mut Vec<u8>, &Expr) -> Result<(), ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let params = Params::read(app, request).await?;
    let text = params.required("query")?.to_owned();
    let config = app.config();
    let (timeout, features) = (config.query.timeout.as_std(), config.query.features.0);
    run(app, params.client(), timeout, move |_, _| {
        let (expr, _) = parse_query(&text, features)?;
        let (mut body, mut said) = (Vec::new(), Ok(()));
        prom_api::success(&mut body, &[], &[], |out| said = say(out, &expr));
        said.map(|()| Answer { body, series: 0, samples: 0 })
    })
    .await
}
