//! Arrow Flight SQL over Timberline's SQL.
