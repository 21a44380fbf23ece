# `just` lists the recipes. Each is one command of `cargo xtask` or of scripts/, which work without just.

_default:
    @just --list

# Format, lints, house rules, documentation.
check:
    cargo xtask check

# All tests; installs what they need. `just test --release -p timberline-log` runs some.
test *arguments:
    ./scripts/test {{arguments}}

# Power cuts on the simulated disk, as many seeds as asked for.
sim seeds="1000":
    TIMBERLINE_SIM_SEEDS={{seeds}} cargo xtask test --release -p timberline-tests --test power_cut

# Fuzz targets, one minute each: all of them, or those named.
fuzz *targets:
    cargo xtask fuzz {{targets}}

# Scripts of PromQL with their expected answers: files or directories.
promqltest *paths="crates/promqltest/scripts":
    cargo xtask promqltest {{paths}}

# Ingest beside the peers; installs them. `just bench --write docs/benchmarks.md` keeps the report.
bench *arguments:
    ./scripts/setup bench
    cargo xtask bench ingest {{arguments}}

# Builds a release and starts it on 127.0.0.1:8080.
run *arguments:
    ./scripts/run {{arguments}}

# What must hold before a change is taken.
ci:
    ./.ci/run
