//! `timberline flush`.

use super::{
    Failure,
    args::{Format, StatusArgs},
    client::Client,
    table::{counted, size},
};

/// Moves what is in memory into blocks.
pub(super) fn flush(args: &StatusArgs) -> Result<(), Failure> {
    let answer = Client::new(&args.server)?.post("/api/v1/admin/tsdb/flush")?;
    if args.format == Format::Json {
        println!("{}", answer.text);
        return Ok(());
    }
    let data = &answer.json["data"];
    let blocks = data["blocks"].as_array().map_or(0, Vec::len) as u64;
    println!(
        "flushed {} into {}; {} of log freed",
        counted(data["samples"].as_u64().unwrap_or(0), "samples"),
        counted(blocks, "blocks"),
        size(data["logBytesFreed"].as_u64().unwrap_or(0)),
    );
    Ok(())
}
