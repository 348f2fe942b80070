//! The works that can be measured, by the words that name them.

use crate::clients::Client::{self, Batch, Command, Fdm, Mpop, Popfetch, Write};
use crate::clients::Destination::{self, Maildir, Mbox};
use crate::corpus::Corpus::{self, Large, Listed, Medium, One, Small};

/// What is to be done, and by whom.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) corpus: Corpus,
    pub(crate) destination: Destination,
    /// POP3S.
    pub(crate) tls: bool,
    /// Milliseconds to the server and back.
    pub(crate) round_trip: u64,
    /// Each has the whole corpus; up to 64 at once.
    pub(crate) accounts: usize,
    /// Mail stays on the server.
    pub(crate) keep: bool,
    /// What is measured is a second run, with nothing new.
    pub(crate) poll: bool,
    pub(crate) clients: &'static [Client],
}

const SMALL: Work = Work {
    corpus: Small(10_000),
    destination: Maildir,
    tls: false,
    round_trip: 0,
    accounts: 1,
    keep: true,
    poll: false,
    clients: &[Popfetch, Write, Batch, Mpop],
};
const MEDIUM: Work = Work {
    corpus: Medium(2000),
    ..SMALL
};
const LARGE: Work = Work {
    corpus: Large(200),
    clients: &[Popfetch, Write, Batch],
    ..SMALL
};
const COMMAND: Work = Work {
    corpus: Small(2000),
    destination: Destination::Command,
    clients: &[Popfetch, Command, Mpop],
    ..SMALL
};
const FEW: Work = Work {
    corpus: Small(300),
    round_trip: 40,
    clients: &[Popfetch, Mpop],
    ..SMALL
};
/// What is known has come into an mbox: fewer files to make.
const POLL: Work = Work {
    corpus: Listed(10_000),
    destination: Mbox,
    poll: true,
    clients: &[Popfetch, Mpop, Fdm],
    ..SMALL
};
const ACCOUNTS: Work = Work {
    corpus: Small(100),
    round_trip: 40,
    accounts: 20,
    clients: &[Popfetch, Write],
    ..SMALL
};
const MANY_ACCOUNTS: Work = Work {
    corpus: Small(5),
    accounts: 1000,
    clients: &[Popfetch],
    ..ACCOUNTS
};
/// For its memory.
const ONE: Work = Work {
    corpus: One(4 << 10),
    clients: &[Popfetch],
    ..SMALL
};
const ONE_GIB: Corpus = One(1 << 30);

/// Every word, and what it has measured.
pub(crate) const WORKS: &[(&str, &[Work])] = &[
    ("small", &[SMALL]),
    ("medium", &[MEDIUM]),
    ("large", &[LARGE]),
    (
        "mbox",
        &[Work {
            corpus: Small(10_000),
            destination: Mbox,
            clients: &[Popfetch, Mpop],
            ..SMALL
        }],
    ),
    ("command", &[COMMAND]),
    (
        "command-large",
        &[Work {
            corpus: Large(200),
            ..COMMAND
        }],
    ),
    (
        "tls",
        &[
            Work {
                tls: true,
                clients: &[Popfetch, Write],
                ..MEDIUM
            },
            Work {
                tls: true,
                clients: &[Popfetch, Write],
                ..LARGE
            },
        ],
    ),
    (
        "far",
        &[Work {
            round_trip: 40,
            clients: &[Popfetch, Batch, Mpop],
            ..SMALL
        }],
    ),
    ("far-few", &[FEW, Work { keep: false, ..FEW }]),
    (
        "far-poll",
        &[Work {
            round_trip: 40,
            corpus: Listed(300),
            ..POLL
        }],
    ),
    (
        "poll",
        &[
            Work {
                corpus: Listed(1),
                ..POLL
            },
            POLL,
        ],
    ),
    (
        "poll-many",
        &[
            Work {
                corpus: Listed(100_000),
                clients: &[Popfetch],
                ..POLL
            },
            Work {
                corpus: Listed(1_000_000),
                clients: &[Popfetch],
                ..POLL
            },
        ],
    ),
    ("accounts", &[ACCOUNTS]),
    (
        "accounts-many",
        &[
            MANY_ACCOUNTS,
            Work {
                accounts: 1,
                ..MANY_ACCOUNTS
            },
        ],
    ),
    (
        "one",
        &[
            ONE,
            Work {
                corpus: ONE_GIB,
                ..ONE
            },
            Work { tls: true, ..ONE },
            Work {
                corpus: ONE_GIB,
                tls: true,
                ..ONE
            },
            Work {
                destination: Mbox,
                ..ONE
            },
            Work {
                corpus: ONE_GIB,
                destination: Mbox,
                ..ONE
            },
            Work {
                destination: Destination::Command,
                ..ONE
            },
            Work {
                corpus: ONE_GIB,
                destination: Destination::Command,
                ..ONE
            },
        ],
    ),
];

impl Work {
    /// In words.
    pub(crate) fn title(&self) -> String {
        let mut title = self.corpus.says();
        if self.accounts > 1 {
            title = format!("{} accounts, each {title}", self.accounts);
        }
        if self.poll {
            title += ", a poll with nothing new";
        } else {
            title += match self.destination {
                Maildir => ", Maildir",
                Mbox => ", mbox",
                Destination::Command => ", command",
            };
        }
        if !self.keep {
            title += ", deleted on the server";
        }
        if self.tls {
            title += ", POP3S";
        }
        if self.round_trip > 0 {
            title += &format!(", round trip {} ms", self.round_trip);
        }
        title
    }
}
