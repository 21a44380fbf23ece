//! The tokens of PromQL, and how error messages name them.

use crate::{
    ast::{AggregateOp, BinaryOp, Span},
    quote::quote,
};

/// One token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The end of the text.
    End,
    /// A name without colons that is no keyword. `start`, `end`, `step`, `range`, `min_of`, `max_of`
    /// and the fill modifiers are names too: they mean something else in certain places only.
    Identifier,
    /// A name with colons.
    MetricIdentifier,
    /// A string with its quotes, not yet unescaped.
    String,
    /// A number, not yet converted.
    Number,
    /// A duration such as `5m`, not yet converted.
    Duration,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    /// `=`
    Equal,
    /// `=~`
    RegexEqual,
    /// `!~`
    RegexNotEqual,
    /// `@`
    At,
    Binary(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
}

/// The words that modify selectors, aggregations and operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Anchored,
    Bool,
    By,
    GroupLeft,
    GroupRight,
    Ignoring,
    Offset,
    On,
    Smoothed,
    Without,
}

impl Kind {
    /// What a word outside braces and brackets is. Keywords are known in any case.
    pub(crate) fn of_word(word: &str) -> Self {
        const KEYWORD_BYTES_MAX: usize = "count_values".len();
        let named = (word.len() <= KEYWORD_BYTES_MAX)
            .then(|| Self::of_keyword(&word.to_ascii_lowercase()))
            .flatten();
        named.unwrap_or(if word.contains(':') { Self::MetricIdentifier } else { Self::Identifier })
    }

    fn of_keyword(word: &str) -> Option<Self> {
        Some(match word {
            "and" => Self::Binary(BinaryOp::And),
            "or" => Self::Binary(BinaryOp::Or),
            "unless" => Self::Binary(BinaryOp::Unless),
            "atan2" => Self::Binary(BinaryOp::Atan2),
            "sum" => Self::Aggregate(AggregateOp::Sum),
            "avg" => Self::Aggregate(AggregateOp::Avg),
            "count" => Self::Aggregate(AggregateOp::Count),
            "min" => Self::Aggregate(AggregateOp::Min),
            "max" => Self::Aggregate(AggregateOp::Max),
            "group" => Self::Aggregate(AggregateOp::Group),
            "stddev" => Self::Aggregate(AggregateOp::Stddev),
            "stdvar" => Self::Aggregate(AggregateOp::Stdvar),
            "topk" => Self::Aggregate(AggregateOp::TopK),
            "bottomk" => Self::Aggregate(AggregateOp::BottomK),
            "count_values" => Self::Aggregate(AggregateOp::CountValues),
            "quantile" => Self::Aggregate(AggregateOp::Quantile),
            "limitk" => Self::Aggregate(AggregateOp::LimitK),
            "limit_ratio" => Self::Aggregate(AggregateOp::LimitRatio),
            "anchored" => Self::Keyword(Keyword::Anchored),
            "bool" => Self::Keyword(Keyword::Bool),
            "by" => Self::Keyword(Keyword::By),
            "group_left" => Self::Keyword(Keyword::GroupLeft),
            "group_right" => Self::Keyword(Keyword::GroupRight),
            "ignoring" => Self::Keyword(Keyword::Ignoring),
            "offset" => Self::Keyword(Keyword::Offset),
            "on" => Self::Keyword(Keyword::On),
            "smoothed" => Self::Keyword(Keyword::Smoothed),
            "without" => Self::Keyword(Keyword::Without),
            "inf" | "nan" => Self::Number,
            _ => return None,
        })
    }

    /// Whether a word of this kind may name a metric where no modifier can stand.
    pub(crate) const fn is_metric_name(self) -> bool {
        match self {
            Self::Identifier | Self::MetricIdentifier | Self::Aggregate(_) => true,
            Self::Binary(op) => op.is_set(),
            Self::Keyword(keyword) => matches!(
                keyword,
                Keyword::Anchored
                    | Keyword::By
                    | Keyword::Offset
                    | Keyword::Smoothed
                    | Keyword::Without
            ),
            _ => false,
        }
    }

    /// Whether a word of this kind may name a label in a list of labels.
    pub(crate) const fn is_label_name(self) -> bool {
        match self {
            Self::Identifier | Self::MetricIdentifier | Self::Aggregate(_) | Self::Keyword(_) => {
                true
            }
            Self::Binary(op) => op.is_set() || matches!(op, BinaryOp::Atan2),
            _ => false,
        }
    }

    /// How an error message names a token of this kind with this text.
    pub(crate) fn describe(self, text: &str) -> String {
        match self {
            Self::End => "end of input".to_owned(),
            Self::Identifier => format!("identifier {}", quote(text)),
            Self::MetricIdentifier => format!("metric identifier {}", quote(text)),
            Self::String => format!("string {}", quote_short(text)),
            Self::Number => format!("number {}", quote_short(text)),
            Self::Duration => format!("duration {}", quote_short(text)),
            Self::Binary(_) | Self::RegexEqual | Self::RegexNotEqual | Self::At => {
                format!("<op:{text}>")
            }
            Self::Aggregate(_) => format!("<aggr:{text}>"),
            Self::Keyword(_) => format!("<{text}>"),
            _ => quote(text),
        }
    }
}

/// Whether a text may stand as a metric name without quotes.
pub(crate) fn is_metric_word(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b':';
    let mut bytes = text.bytes();
    bytes.next().is_some_and(letter)
        && bytes.all(|b| letter(b) || b.is_ascii_digit())
        && Kind::of_word(text).is_metric_name()
}

/// Quotes at most ten characters, and says so if there are more.
fn quote_short(text: &str) -> String {
    match text.char_indices().nth(10) {
        Some((end, _)) => format!("{}...", quote(&text[..end])),
        None => quote(text),
    }
}
