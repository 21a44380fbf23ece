//! `current_setting(name [, missing_ok])`: a setting of the connection within a question.

use std::sync::{Arc, PoisonError, RwLock};

use arrow::datatypes::DataType;
use datafusion::{
    common::{ScalarValue, exec_datafusion_err, exec_err},
    error::Result,
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
    },
};

use crate::settings::Settings;

/// Settings that a connection changes while its session reads them.
pub(crate) type SharedSettings = Arc<RwLock<Settings>>;

/// The function, over the settings of one connection.
#[derive(Debug)]
pub(crate) struct CurrentSetting {
    settings: SharedSettings,
    signature: Signature,
}

impl CurrentSetting {
    pub(crate) fn new(settings: SharedSettings) -> Self {
        let kinds = vec![
            TypeSignature::Exact(vec![DataType::Utf8]),
            TypeSignature::Exact(vec![DataType::Utf8, DataType::Boolean]),
        ];
        Self { settings, signature: Signature::one_of(kinds, Volatility::Stable) }
    }
}

impl PartialEq for CurrentSetting {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.settings, &other.settings)
    }
}

impl Eq for CurrentSetting {}

impl std::hash::Hash for CurrentSetting {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.signature.hash(state);
    }
}

impl ScalarUDFImpl for CurrentSetting {
    fn name(&self) -> &'static str {
        "current_setting"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (name, missing_ok) = match args.args.as_slice() {
            [ColumnarValue::Scalar(name)] => (name, false),
            [ColumnarValue::Scalar(name), ColumnarValue::Scalar(missing)] => {
                (name, matches!(missing, ScalarValue::Boolean(Some(true))))
            }
            _ => return exec_err!("current_setting: the name of a setting is a constant"),
        };
        let Some(name) = name.try_as_str().flatten() else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None)));
        };
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        let value = settings.get(&name.to_ascii_lowercase()).map(str::to_owned);
        if value.is_none() && !missing_ok {
            return Err(exec_datafusion_err!("unrecognized configuration parameter \"{name}\""));
        }
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(value)))
    }
}
