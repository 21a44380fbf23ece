//! Recorded scrapes: files of `# scrape <unix_ms> <bytes>` lines, each followed by that much Prometheus
//! text, as series at 15 s steps.

use std::{collections::HashMap, path::Path};

use timberline_model::{Labels, LabelsBuilder, STALE_NAN, SeriesColumns};

const STEP_MS: i64 = 15_000;
/// Any start that is a multiple of every window.
const START_MS: i64 = 1_700_006_400_000;

/// One series of the recording.
#[derive(Default)]
struct Recorded {
    columns: SeriesColumns,
    /// The scrape that had it last.
    seen: usize,
}

/// Every series of every `*.scrapes` file in a directory, sorted by labels. Scrape `i` of a target is
/// moved to `i * 15 s` plus what it was late; a series that a scrape no longer has gets a stale marker.
pub(crate) fn load(dir: &Path, scrapes_max: usize) -> Vec<(Labels, SeriesColumns)> {
    let mut all = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .expect("a directory of recorded scrapes")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "scrapes"))
        .collect();
    files.sort();
    for (number, path) in files.iter().enumerate() {
        let bytes = std::fs::read(path).expect("a file of scrapes");
        let job = path.file_stem().and_then(|stem| stem.to_str()).expect("a plain name");
        let instance = format!("10.0.0.{}:9{number}00", number + 11);
        all.extend(load_target(&bytes, job, &instance, scrapes_max));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn load_target(
    mut bytes: &[u8],
    job: &str,
    instance: &str,
    scrapes_max: usize,
) -> Vec<(Labels, SeriesColumns)> {
    let mut series: HashMap<Vec<u8>, Recorded> = HashMap::new();
    let mut first_ms = None;
    for scrape in 0..scrapes_max {
        let Some((ms, text, rest)) = next_scrape(bytes) else { break };
        bytes = rest;
        let first_ms = *first_ms.get_or_insert(ms);
        let late = ms - first_ms - scrape as i64 * 1_000;
        let late = late.rem_euclid(1_000);
        let ts = (START_MS + first_ms % STEP_MS + scrape as i64 * STEP_MS + late) * 1_000_000;
        for line in text.split(|byte| *byte == b'\n') {
            let Some((key, value)) = sample(line) else { continue };
            if !series.contains_key(key) {
                series.insert(key.to_vec(), Recorded::default());
            }
            let recorded = series.get_mut(key).expect("inserted");
            if recorded.columns.timestamps.last() != Some(&ts) {
                recorded.columns.push(ts, 0, value);
                recorded.seen = scrape;
            }
        }
        for recorded in series.values_mut().filter(|series| series.seen + 1 == scrape) {
            recorded.columns.push(ts, 0, STALE_NAN);
        }
    }
    series
        .into_iter()
        .map(|(key, recorded)| (labels(&key, job, instance), recorded.columns))
        .collect()
}

fn next_scrape(bytes: &[u8]) -> Option<(i64, &[u8], &[u8])> {
    let line_end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&bytes[..line_end]).ok()?;
    let mut words = line.strip_prefix("# scrape ")?.split(' ');
    let ms = words.next()?.parse().ok()?;
    let len: usize = words.next()?.parse().ok()?;
    let body = &bytes[line_end + 1..];
    (body.len() >= len).then(|| (ms, &body[..len], body[len..].trim_ascii_start()))
}

/// Name with labels, and value, of a line of the text format.
fn sample(line: &[u8]) -> Option<(&[u8], f64)> {
    if line.first().is_none_or(|byte| *byte == b'#') {
        return None;
    }
    let end = match line.iter().rposition(|byte| *byte == b'}') {
        Some(brace) => brace + 1,
        None => line.iter().position(|byte| *byte == b' ')?,
    };
    let value = std::str::from_utf8(&line[end..]).ok()?.split_ascii_whitespace().next()?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        text => text.parse().ok()?,
    };
    Some((&line[..end], value))
}

fn labels(key: &[u8], job: &str, instance: &str) -> Labels {
    let key = std::str::from_utf8(key).expect("text");
    let (name, mut rest) = key.split_once('{').unwrap_or((key, "}"));
    let mut builder = LabelsBuilder::default();
    builder.push("__name__", name);
    builder.push("instance", instance);
    builder.push("job", job);
    while let Some((label, tail)) = rest.split_once("=\"") {
        let label = label.trim_start_matches([',', ' ']);
        let mut value = String::new();
        let mut chars = tail.char_indices();
        let mut end = tail.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, other)) => value.push(other),
                    None => {}
                },
                other => value.push(other),
            }
        }
        match label {
            "job" | "instance" => builder.push(&format!("exported_{label}"), &value),
            _ => builder.push(label, &value),
        }
        rest = &tail[end..];
    }
    builder.build().expect("labels")
}
