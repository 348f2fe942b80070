//! What rsasl asks of us, and an exchange begun with it.

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::{login, plain, scram};
use rsasl::prelude::{
    Mechanism, Mechname, Registry, SASLClient, SASLConfig, Session, SessionError,
};
use rsasl::property::{AuthId, ChannelBindings, OverrideCBType, Password};
use stringprep::saslprep;

use super::{ChannelBinding, Credentials, Error, Method};
use crate::secret::Secret;

static MECHANISMS: &[Mechanism] = &[
    scram::SCRAM_SHA256_PLUS,
    scram::SCRAM_SHA256,
    scram::SCRAM_SHA1_PLUS,
    scram::SCRAM_SHA1,
    plain::PLAIN,
    login::LOGIN,
];

/// What rsasl may ask for.
pub(super) struct Answers {
    user: String,
    password: Secret,
    /// For -PLUS: what to bind to. Without -PLUS its being there is what makes rsasl send the `y` flag.
    binding: Option<ChannelBinding>,
}

impl Answers {
    /// User and password as they are.
    pub(super) fn new(credentials: &Credentials) -> Self {
        Self {
            user: credentials.user.clone(),
            password: credentials.password.clone(),
            binding: None,
        }
    }

    /// User and password as SCRAM wants them (RFC 5802 section 5.1); rsasl leaves that to us.
    pub(super) fn prepared(credentials: &Credentials, binding: Option<&ChannelBinding>) -> Self {
        let prepare = |text: &str| match saslprep(text) {
            Ok(prepared) if !prepared.is_empty() => prepared.into_owned(),
            _ => text.to_owned(),
        };
        Self {
            user: prepare(&credentials.user),
            password: Secret::new(prepare(credentials.password.expose())),
            binding: binding.cloned(),
        }
    }
}

impl SessionCallback for Answers {
    fn callback(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request
            .satisfy::<AuthId>(&self.user)?
            .satisfy::<Password>(self.password.expose().as_bytes())?;
        if let Some(binding) = &self.binding {
            // Naming the kind keeps rsasl from its own guess (tls-exporter, then tls-unique).
            request
                .satisfy::<OverrideCBType>(binding.kind)?
                .satisfy::<ChannelBindings>(&binding.data)?;
        }
        Ok(())
    }

    fn enable_channel_binding(&self) -> bool {
        self.binding.is_some()
    }
}

/// Begins an exchange by that mechanism and no other.
pub(super) fn start(method: Method, answers: Answers) -> Result<Session, Error> {
    let unknown = || Error::Credentials(format!("{} cannot be spoken", method.word()));
    let name = method.mechanism().ok_or_else(unknown)?;
    let name = Mechname::parse(name.as_bytes()).map_err(|_| unknown())?;
    SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(MECHANISMS))
        .with_callback(answers)
        .and_then(|config| SASLClient::new(config).start_suggested(&[name]))
        .map_err(|_| unknown())
}

/// What went wrong, without the words around a mechanism's own.
pub(super) fn reason(error: &SessionError) -> String {
    match error {
        SessionError::MechanismError(error) => error.to_string(),
        other => other.to_string(),
    }
}
