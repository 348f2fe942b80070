//! What became of a run, in terms of the exit status.

/// Why an account did not end well; each has an exit status of sysexits(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// 75: try again later.
    Temporary,
    /// 69: the server offers no acceptable way.
    Unavailable,
    /// 76: the server broke the protocol, refused a message; or a held listing.
    Protocol,
    /// 74: delivery or state I/O.
    Delivery,
    /// 70: a bug of ours.
    Bug,
    /// 77: login refused, no password to be had, certificate not to be trusted.
    Login,
    /// 78: configuration.
    Config,
}

impl Class {
    /// The exit status.
    pub fn code(self) -> u8 {
        match self {
            Self::Temporary => 75,
            Self::Unavailable => 69,
            Self::Protocol => 76,
            Self::Delivery => 74,
            Self::Bug => 70,
            Self::Login => 77,
            Self::Config => 78,
        }
    }
}

/// What became of a run or of one account in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The worst that occurred; `None`: all is well.
    pub class: Option<Class>,
    /// Messages delivered (fetch), or waiting (check).
    pub messages: u64,
}

impl Outcome {
    /// Both together: the worse class, the sum of messages.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            class: self.class.max(other.class),
            messages: self.messages + other.messages,
        }
    }
}
