//! The wire protocol of PostgreSQL over Timberline's SQL.
