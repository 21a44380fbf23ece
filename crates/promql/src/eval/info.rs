//! `info(v, {matchers})`: adds to the series of a vector the labels of info metrics, such as `target_info`,
//! that are of the same `instance` and `job` and current at the time the vector looks at.

use std::collections::{BTreeSet, HashMap};

use timberline_model::{Labels, METRIC_NAME, MatchOp, Matcher};

use super::{
    column::{Series, StepColumn},
    error::EvalError,
    evaluator::{Evaluator, strip_parens},
    labels::{in_braces, merge_same},
    leaf::{Leaf, Source},
    steps::{Sight, Steps},
};
use crate::ast::{Expr, ExprKind, RangeExtension, Selector};

/// The info metric of those who name none.
const TARGET_INFO: &str = "target_info";
/// The labels by which series and info metrics belong together.
const IDENTIFYING: [&str; 2] = ["instance", "job"];
/// Values of an identifying label by which storage is asked for info metrics; of more, all are read.
const VALUES_ASKED_FOR_MAX: usize = 256;

/// What the second argument asks for.
struct Wanted {
    /// Matchers of the metric's name.
    names: Vec<Matcher>,
    /// Those of other labels.
    data: Vec<Matcher>,
}

impl Wanted {
    fn of(args: &[Expr]) -> Result<Self, EvalError> {
        let all = match args.get(1).map(|arg| &arg.kind) {
            None => &[],
            Some(ExprKind::Selector(selector)) => selector.matchers.as_slice(),
            Some(_) => {
                return Err(EvalError::Malformed { reason: "info() of what is no selector" });
            }
        };
        let (mut names, data): (Vec<Matcher>, Vec<Matcher>) =
            all.iter().cloned().partition(|matcher| matcher.name() == METRIC_NAME);
        if !names.iter().any(|name| matches!(name.op(), MatchOp::Equal | MatchOp::Regex)) {
            names.push(Matcher::equal(METRIC_NAME, TARGET_INFO));
        }
        Ok(Self { names, data })
    }

    /// Whether a series is an info metric itself, and so left as it is.
    fn is_info(&self, labels: &Labels) -> bool {
        let name = labels.metric_name().unwrap_or("");
        self.names.iter().all(|matcher| matcher.matches(name))
    }

    /// Whether a series stays that belongs to no info metric.
    fn keeps_lonely(&self) -> bool {
        self.data.iter().all(Matcher::matches_empty)
    }

    /// Whether a label of an info metric is added.
    fn adds(&self, name: &str) -> bool {
        name != METRIC_NAME
            && (self.data.is_empty() || self.data.iter().any(|matcher| matcher.name() == name))
    }
}

/// The values of the identifying labels; empty where there is none.
type Identity = [String; 2];

fn identity(labels: &Labels) -> Identity {
    IDENTIFYING.map(|name| labels.get(name).unwrap_or("").to_owned())
}

impl Evaluator<'_> {
    /// Evaluates `info`.
    pub(super) fn info(&self, args: &[Expr], steps: Steps) -> Result<Vec<Series>, EvalError> {
        let first = args.first().ok_or(EvalError::Malformed { reason: "info() of nothing" })?;
        let base = self.eval_vector(first, steps)?;
        let wanted = Wanted::of(args)?;
        let sight = self.info_sight(first, steps)?;
        let infos = self.info_series(&base, &wanted, sight, first)?;
        let mut by_identity: HashMap<Identity, Vec<usize>> = HashMap::new();
        for (place, info) in infos.iter().enumerate() {
            by_identity.entry(identity(&info.labels)).or_default().push(place);
        }
        for places in by_identity.values() {
            self.budget.check()?;
            check_duplicates(&infos, places, &base, steps)?;
        }
        let mut found = Vec::with_capacity(base.len());
        for one in base {
            self.budget.check()?;
            if wanted.is_info(&one.labels) {
                found.push(one);
                continue;
            }
            let places = by_identity.get(&identity(&one.labels)).map_or(&[][..], Vec::as_slice);
            self.enrich(&one, &infos, places, &wanted, steps, &mut found)?;
        }
        merge_same(found)
    }

    /// The info metrics that may belong to series of the vector, with the times of their samples.
    fn info_series(
        &self,
        base: &[Series],
        wanted: &Wanted,
        sight: Sight,
        place: &Expr,
    ) -> Result<Vec<Series>, EvalError> {
        let mut values: [BTreeSet<&str>; 2] = Default::default();
        for one in base.iter().filter(|one| !wanted.is_info(&one.labels)) {
            for (values, name) in values.iter_mut().zip(IDENTIFYING) {
                values.extend(one.labels.get(name));
            }
        }
        if values.iter().all(BTreeSet::is_empty) {
            return Ok(Vec::new());
        }
        let mut matchers: Vec<Matcher> = wanted.names.iter().chain(&wanted.data).cloned().collect();
        for (values, name) in values.iter().zip(IDENTIFYING) {
            matchers.extend(among(name, values));
        }
        let selector = Selector {
            name: None,
            matchers,
            extension: RangeExtension::None,
            modifiers: crate::ast::Modifiers::default(),
        };
        let leaf = Leaf {
            needs_labels: true,
            selector: &selector,
            place: place.span,
            sight,
            source: Source::Time,
            stages: Vec::new(),
            drops_name: false,
        };
        let mut infos = self.collect_leaf(&leaf)?;
        infos.retain(|info| {
            values.iter().zip(IDENTIFYING).all(|(values, name)| {
                values.is_empty() || values.contains(info.labels.get(name).unwrap_or(""))
            })
        });
        infos.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(infos)
    }

    /// Where the vector looks: as its first selector does, subqueries around it counted in.
    fn info_sight(&self, expr: &Expr, steps: Steps) -> Result<Sight, EvalError> {
        let mut sight = Sight { steps, fixed: None, offset: 0 };
        let mut at = Some(expr);
        while let Some(expr) = at {
            let (modifiers, below) = match &strip_parens(expr).kind {
                ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => {
                    (Some(&selector.modifiers), None)
                }
                ExprKind::Subquery(subquery) => (Some(&subquery.modifiers), Some(&subquery.expr)),
                ExprKind::Unary { expr, .. } => (None, Some(&**expr)),
                ExprKind::Binary(binary) => {
                    (None, [&binary.left, &binary.right].into_iter().find(selects))
                }
                ExprKind::Aggregate(aggregate) => (None, Some(&aggregate.expr)),
                ExprKind::Call { args, .. } => (None, args.iter().find(selects)),
                _ => (None, None),
            };
            if let Some(modifiers) = modifiers {
                let inner = self.sight(modifiers, steps)?;
                let outer = if inner.fixed.is_some() { 0 } else { sight.offset };
                sight.fixed = inner.fixed.or(sight.fixed);
                sight.offset = outer.saturating_add(inner.offset);
            }
            at = below;
        }
        Ok(sight)
    }

    /// Adds a series with the labels that it has at each step.
    fn enrich(
        &self,
        one: &Series,
        infos: &[Series],
        places: &[usize],
        wanted: &Wanted,
        steps: Steps,
        found: &mut Vec<Series>,
    ) -> Result<(), EvalError> {
        // The info metrics that are current, and the steps at which they are.
        let mut spells: Vec<(Vec<usize>, StepColumn)> = Vec::new();
        let (mut current, mut last) = (Vec::new(), 0);
        for step in 0..steps.count() {
            newest(infos, places, step, &mut current);
            if spells.get(last).is_none_or(|(infos, _)| *infos != current) {
                last = match spells.iter().position(|(infos, _)| *infos == current) {
                    Some(spell) => spell,
                    None => {
                        self.budget.make(steps.count())?;
                        spells.push((current.clone(), StepColumn::absent(steps.count())));
                        spells.len() - 1
                    }
                };
            }
            spells[last].1.set(step, 1.0);
        }
        for (current, spell) in spells {
            if current.is_empty() && !wanted.keeps_lonely() {
                continue;
            }
            let mut column = one.column.clone();
            column.keep(spell.present(), true);
            if column.is_empty() {
                continue;
            }
            let infos = current.iter().map(|place| &infos[*place].labels);
            let labels = enriched(&one.labels, infos, wanted)?;
            found.push(Series { labels, column, drop_name: one.drop_name });
        }
        Ok(())
    }
}

/// Whether there is a selector in an expression.
fn selects(expr: &&Expr) -> bool {
    match &expr.kind {
        ExprKind::Number { .. } | ExprKind::String(_) => false,
        ExprKind::Selector(_) | ExprKind::Matrix { .. } => true,
        ExprKind::Subquery(subquery) => selects(&&subquery.expr),
        ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => selects(&&**expr),
        ExprKind::Binary(binary) => selects(&&binary.left) || selects(&&binary.right),
        ExprKind::Aggregate(aggregate) => selects(&&aggregate.expr),
        ExprKind::Call { args, .. } => args.iter().any(|arg| selects(&arg)),
    }
}

/// What an info metric's label must be, as far as storage is asked: one of these values, or any.
fn among(name: &str, values: &BTreeSet<&str>) -> Option<Matcher> {
    let first = values.first()?;
    if values.len() == 1 {
        return Some(Matcher::equal(name, *first));
    }
    let any_of = (values.len() <= VALUES_ASKED_FOR_MAX).then(|| {
        let escaped: Vec<String> = values.iter().map(|value| regex::escape(value)).collect();
        Matcher::new(name, MatchOp::Regex, escaped.join("|")).ok()
    });
    any_of.flatten().or_else(|| Matcher::new(name, MatchOp::NotEqual, "").ok())
}

/// For each info metric the newest of its series at a step. They are sorted by name.
fn newest(infos: &[Series], places: &[usize], step: usize, current: &mut Vec<usize>) {
    current.clear();
    for place in places {
        let Some(ts) = infos[*place].column.get(step) else { continue };
        let rival = current.last_mut().filter(|last| {
            infos[**last].labels.metric_name() == infos[*place].labels.metric_name()
        });
        match rival {
            None => current.push(*place),
            Some(rival) => {
                if infos[*rival].column.get(step).is_none_or(|other| ts > other) {
                    *rival = *place;
                }
            }
        }
    }
}

/// Two series of one info metric and one identity may not have samples of the same time.
fn check_duplicates(
    infos: &[Series],
    places: &[usize],
    base: &[Series],
    steps: Steps,
) -> Result<(), EvalError> {
    let name = |place: &usize| infos[*place].labels.metric_name();
    for same in places.chunk_by(|a, b| name(a) == name(b)).filter(|same| same.len() > 1) {
        let mut seen: HashMap<u64, usize> = HashMap::new();
        for step in 0..steps.count() {
            seen.clear();
            for place in same {
                let Some(ts) = infos[*place].column.get(step) else { continue };
                let Some(first) = seen.insert(ts.to_bits(), *place) else { continue };
                if base.iter().any(|one| one.column.has_sample(step)) {
                    return Err(EvalError::DuplicateInfo {
                        first: in_braces(&infos[first].labels),
                        second: in_braces(&infos[*place].labels),
                        ts_ms: (ts * 1_000.0).round() as i64,
                    });
                }
            }
        }
    }
    Ok(())
}

/// The labels of a series with those of info metrics; its own stay as they are.
fn enriched<'a>(
    base: &Labels,
    infos: impl Iterator<Item = &'a Labels>,
    wanted: &Wanted,
) -> Result<Labels, EvalError> {
    let mut added: Vec<(&str, &str)> = Vec::new();
    for info in infos {
        for (name, value) in info.iter().filter(|(name, _)| wanted.adds(name)) {
            match added.iter().find(|(other, _)| *other == name) {
                Some((_, other)) if *other != value => {
                    return Err(EvalError::ConflictingInfo { label: name.to_owned() });
                }
                Some(_) => {}
                None if base.get(name).is_some() => {}
                None => added.push((name, value)),
            }
        }
    }
    Ok(Labels::from_pairs(base.iter().chain(added))?)
}
