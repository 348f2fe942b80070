use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::super::Error;
use super::super::socket::Socket;
use super::verify::Roots;
use super::{Backend, Channel, Client, TlsSettings, rustls};

/// TLS clients by settings: roots are loaded once, when first needed, and shared by all threads.
#[derive(Debug, Default)]
pub struct TlsPool {
    clients: Mutex<HashMap<TlsSettings, Arc<Slot>>>,
    system: OnceLock<Roots>,
}

/// Filled outside the pool's lock, so that loading holds up only those who want the same.
type Slot = OnceLock<Result<Box<dyn Client>, String>>;

impl TlsPool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// The handshake, over a socket whose limit for it is set.
    pub(in super::super) fn start(
        &self,
        host: &str,
        settings: &TlsSettings,
        socket: Socket,
    ) -> Result<Box<dyn Channel>, Error> {
        // The name to verify is no part of what is loaded.
        let key = TlsSettings {
            server_name: None,
            ..settings.clone()
        };
        let slot = Arc::clone(
            self.clients
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(key)
                .or_default(),
        );
        let client = slot
            .get_or_init(|| self.load(settings))
            .as_ref()
            .map_err(|why| Error::Settings(why.clone()))?;
        let host = settings.server_name.as_deref().unwrap_or(host);
        client.start(host, socket)
    }

    fn load(&self, settings: &TlsSettings) -> Result<Box<dyn Client>, String> {
        match settings.backend {
            Backend::Rustls => Ok(Box::new(rustls::Client::load(settings, &self.system)?)),
            #[cfg(feature = "native-tls")]
            Backend::Native => Ok(Box::new(super::native::Client::load(settings)?)),
            #[cfg(not(feature = "native-tls"))]
            Backend::Native => Err(
                "tls_backend = \"native\" is not in this build (cargo feature native-tls)"
                    .to_owned(),
            ),
        }
    }
}
