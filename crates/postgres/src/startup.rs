//! How a connection begins: encryption, who it is, and which database it wants.
//!
//! Invariant: every error here ends the connection. (pgwire's own loop would go on after some of them, as
//! if the client had been let in.)

use std::sync::Arc;

use pgwire::{
    api::auth::sasl::{SCRAM_SHA_256_METHOD, scram::ScramServerAuth},
    messages::{
        PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion, SslNegotiationMetaMessage,
        response::TransactionStatus,
        startup::{
            Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus,
            PasswordMessageFamily, SecretKey, Startup,
        },
    },
};

use crate::{
    cancel::Registered, catalog::Catalog, connection::Connection, error::Ended, listener::Shared,
    refusal::Refusal, settings::Settings, socket::Socket,
};

/// Leads a connection from its first message to its first statement; `None` if it only wanted to
/// cancel another one's.
pub(crate) async fn start(
    mut socket: Socket,
    shared: &Arc<Shared>,
    client: std::net::IpAddr,
) -> Result<Option<Connection>, Ended> {
    let startup = loop {
        match socket.next().await {
            Some(Ok(PgWireFrontendMessage::CancelRequest(request))) => {
                shared.cancels.cancel(request.pid, &request.secret_key);
                return Ok(None);
            }
            Some(Ok(PgWireFrontendMessage::Startup(startup))) => break startup,
            Some(Ok(PgWireFrontendMessage::SslNegotiation(SslNegotiationMetaMessage::None))) => {}
            Some(Ok(_)) => {
                return Err(socket.end(&fatal("08P01", "expected a start-up message")).await);
            }
            Some(Err(error)) => return Err(error.into()),
            None => return Err(Ended::Closed),
        }
    };
    socket.begin();
    if startup.protocol_number_major != 3 {
        let (major, minor) = (startup.protocol_number_major, startup.protocol_number_minor);
        let text = format!("protocol {major}.{minor} is not spoken here: only 3.0");
        return Err(socket.end(&fatal("0A000", text)).await);
    }
    if startup.protocol_number_minor > 0 {
        let options: Vec<String> =
            startup.parameters.keys().filter(|name| name.starts_with("_pq_.")).cloned().collect();
        let version = ProtocolVersion::PROTOCOL3_0;
        let negotiated = NegotiateProtocolVersion::new(version.into(), options);
        socket.feed(PgWireBackendMessage::NegotiateProtocolVersion(negotiated)).await?;
    }
    let user = startup.parameters.get("user").cloned().unwrap_or_default();
    if let Err(refusal) = admit(&mut socket, shared, &user).await? {
        tracing::warn!(%client, user, reason = refusal.message, "a connection was refused");
        return Err(socket.end(&refusal).await);
    }
    match open(&startup, shared, &user) {
        Ok((database, session, settings)) => {
            let registered = shared.cancels.register();
            welcome(&mut socket, &settings, &registered).await?;
            let catalog = Catalog::new(&database, &user);
            Ok(Some(Connection::new(
                socket, shared, session, catalog, settings, registered, client,
            )))
        }
        Err(refusal) => Err(socket.end(&refusal).await),
    }
}

fn fatal(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::fatal(code, message)
}

/// Makes sure of who it is.
async fn admit(
    socket: &mut Socket,
    shared: &Shared,
    user: &str,
) -> Result<Result<(), Refusal>, Ended> {
    if shared.options.require_tls && !socket.is_secure() {
        return Ok(Err(fatal(
            "28000",
            "this server takes encrypted connections only (sslmode=require)",
        )));
    }
    if user.is_empty() {
        return Ok(Err(fatal("28000", "the start-up message names no user")));
    }
    if shared.options.users.is_empty() {
        return Ok(Ok(()));
    }
    let wrong = || fatal("28P01", format!("password authentication failed for user \"{user}\""));
    let methods = vec![SCRAM_SHA_256_METHOD.to_owned()];
    socket.feed(PgWireBackendMessage::Authentication(Authentication::SASL(methods))).await?;
    socket.flush().await?;
    let Some(first) = password(socket).await? else { return Ok(Err(wrong())) };
    let Ok(first) = first.into_sasl_initial_response() else { return Ok(Err(wrong())) };
    if first.auth_method != SCRAM_SHA_256_METHOD {
        return Ok(Err(fatal("28000", "only SCRAM-SHA-256 is spoken here")));
    }
    let bytes = first.data.unwrap_or_default();
    let begun =
        ScramServerAuth::new().on_client_first_message(&bytes, shared.options.users.scram(user));
    let Ok((answer, waiting)) = begun else { return Ok(Err(wrong())) };
    let answer = Authentication::SASLContinue(answer.into());
    socket.feed(PgWireBackendMessage::Authentication(answer)).await?;
    socket.flush().await?;
    let Some(last) = password(socket).await? else { return Ok(Err(wrong())) };
    let Ok(last) = last.into_sasl_response() else { return Ok(Err(wrong())) };
    let Ok(answer) = waiting.on_client_final_message(&last.data) else { return Ok(Err(wrong())) };
    let answer = Authentication::SASLFinal(answer.into());
    socket.feed(PgWireBackendMessage::Authentication(answer)).await?;
    Ok(Ok(()))
}

async fn password(socket: &mut Socket) -> Result<Option<PasswordMessageFamily>, Ended> {
    match socket.next().await {
        Some(Ok(PgWireFrontendMessage::PasswordMessageFamily(message))) => Ok(Some(message)),
        Some(Ok(PgWireFrontendMessage::Terminate(_))) | None => Err(Ended::Closed),
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(error.into()),
    }
}

/// Opens the database that the client wants, with its settings.
fn open(
    startup: &Startup,
    shared: &Shared,
    user: &str,
) -> Result<(String, timberline_sql::Session, Settings), Refusal> {
    let given = |name: &str| startup.parameters.get(name).map(String::as_str);
    if given("replication").is_some_and(|value| !["false", "off", "no", "0"].contains(&value)) {
        return Err(fatal("0A000", "there is no replication over this protocol"));
    }
    let database = given("database").filter(|name| !name.is_empty()).unwrap_or(user);
    let session = shared.engine.session(database).map_err(|error| Refusal {
        fatal: true,
        message: format!("database \"{database}\" does not exist"),
        ..Refusal::from(&error).with_hint("the server's own database is named \"default\"")
    })?;
    let mut settings = Settings::of(user);
    for (name, value) in &startup.parameters {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "user" | "database" | "replication" => {}
            "options" => apply_options(&mut settings, value)?,
            _ if name.starts_with("_pq_.") => {}
            _ => apply(&mut settings, &name, value)?,
        }
    }
    Ok((database.to_owned(), session, settings))
}

/// `-c name=value` and `--name=value`, as many as there are.
fn apply_options(settings: &mut Settings, options: &str) -> Result<(), Refusal> {
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("-c") {
            Some("") => words.next(),
            Some(setting) => Some(setting),
            None => word.strip_prefix("--"),
        };
        let Some((name, value)) = setting.and_then(|setting| setting.split_once('=')) else {
            return Err(fatal("42601", format!("invalid option {word:?}: expected -c name=value")));
        };
        apply(settings, &name.replace('-', "_").to_ascii_lowercase(), value)?;
    }
    Ok(())
}

fn apply(settings: &mut Settings, name: &str, value: &str) -> Result<(), Refusal> {
    settings.set(name, Some(value)).map(drop).map_err(|refusal| Refusal { fatal: true, ..refusal })
}

async fn welcome(
    socket: &mut Socket,
    settings: &Settings,
    registered: &Registered,
) -> Result<(), Ended> {
    socket.feed(PgWireBackendMessage::Authentication(Authentication::Ok)).await?;
    for (name, value) in settings.reported() {
        let status = ParameterStatus::new(name.to_owned(), value.to_owned());
        socket.feed(PgWireBackendMessage::ParameterStatus(status)).await?;
    }
    let key = BackendKeyData::new(registered.number, SecretKey::I32(registered.key));
    socket.feed(PgWireBackendMessage::BackendKeyData(key)).await?;
    socket.let_in();
    socket.ready(TransactionStatus::Idle).await
}
