//! The maildrop with something to know each message by: its unique-id, or the fingerprint that stands in for it.

use super::event::Hint;
use super::failure::{self, Stopped};
use super::login::Opened;
use super::wire::Wire;
use crate::config::{Account, Keep};
use crate::message::{Header, Print};
use crate::pop3::{Expire, Incoming, Listing, MessageNumber, Pipelining, Transaction, Window};

/// A listing whose messages can be told from one another, as far as the server lets us.
pub(super) struct Maildrop {
    pub(super) listing: Listing,
    /// TOP was used: some servers count that as retrieval (EXPIRE).
    pub(super) topped: bool,
    /// Neither UIDL nor TOP: messages are recognised by their fingerprint once they are here.
    pub(super) by_content: bool,
    /// More than one command may be in flight.
    pub(super) window: Window,
}

/// Commands in flight at most: enough to fill a long line with small messages.
const COMMANDS: usize = 1000;
/// Octets in flight at most.
const OCTETS: u64 = 8 * 1024 * 1024;

/// What stands in for a unique-id in the journal where the server gives none.
pub(super) fn stand_in(print: Print) -> Vec<u8> {
    format!("print:{print}").into_bytes()
}

/// Lists the maildrop.
pub(super) fn list(account: &Account, opened: &mut Opened<'_>) -> Result<Maildrop, Stopped> {
    let on_wire = |error| failure::wire(account, error);
    let transaction = &mut opened.transaction;
    let listing = transaction
        .listing(opened.ahead, opened.capa)
        .map_err(on_wire)?;
    let capabilities = transaction.capabilities();
    let many = match account.pipelining {
        Pipelining::Auto => opened.ahead || capabilities.pipelining,
        Pipelining::On => true,
        Pipelining::Off => false,
    };
    let window = Window {
        commands: if many { COMMANDS } else { 1 },
        octets: OCTETS,
    };
    let mut maildrop = Maildrop {
        listing,
        topped: false,
        by_content: false,
        window,
    };
    let nameless: Vec<MessageNumber> = maildrop
        .listing
        .iter()
        .filter(|scan| scan.uid.is_none())
        .map(|scan| scan.number)
        .collect();
    if nameless.is_empty() {
        return Ok(maildrop);
    }
    if !capabilities.known || capabilities.top {
        if let Some(prints) = prints(account, transaction, &nameless, window)? {
            maildrop.topped = true;
            maildrop.listing = with_prints(&maildrop.listing, prints);
            return Ok(maildrop);
        }
        maildrop.topped = true;
    }
    if account.keep == Keep::Never {
        maildrop.by_content = true;
        return Ok(maildrop);
    }
    Err(failure::unavailable(
        account,
        "the server has neither UIDL nor TOP, so that seen mail cannot be told from new",
        Some(Hint::NoKeep),
    )
    .into())
}

/// Fingerprints by TOP n 0, or `None` when the server refuses the first one.
fn prints(
    account: &Account,
    transaction: &mut Transaction<Wire<'_>>,
    numbers: &[MessageNumber],
    window: Window,
) -> Result<Option<Vec<(MessageNumber, Print)>>, Stopped> {
    let mut prints = Vec::with_capacity(numbers.len().min(65_536));
    // The first alone: where TOP is unknown, the others would be so many refusals.
    let (first, rest) = numbers.split_at(numbers.len().min(1));
    for (some, window) in [
        (
            first,
            Window {
                commands: 1,
                ..window
            },
        ),
        (rest, window),
    ] {
        let mut refused = false;
        headers(
            account,
            transaction,
            some,
            window,
            |number, header| match header {
                Some(header) => prints.push((number, header.print())),
                None => refused = true,
            },
        )?;
        if refused && prints.is_empty() {
            return Ok(None);
        }
    }
    Ok(Some(prints))
}

/// TOP n 0 of these messages; `None` for one that is refused.
pub(super) fn headers(
    account: &Account,
    transaction: &mut Transaction<Wire<'_>>,
    numbers: &[MessageNumber],
    window: Window,
    mut each: impl FnMut(MessageNumber, Option<&Header>),
) -> Result<(), Stopped> {
    let on_wire = |error| failure::wire(account, error);
    let mut retrieval = transaction.headers(numbers.to_vec(), window);
    while let Some(incoming) = retrieval.next() {
        match incoming.map_err(on_wire)? {
            Incoming::Refused(number, _) => each(number, None),
            Incoming::Message(number) => {
                let mut header = Header::default();
                let mut complete = false;
                while let Some(piece) = retrieval.piece().map_err(on_wire)? {
                    if !complete {
                        complete = header.push(piece);
                    }
                }
                each(number, Some(&header));
            }
        }
    }
    Ok(())
}

fn with_prints(listing: &Listing, prints: Vec<(MessageNumber, Print)>) -> Listing {
    let mut named = Listing::new(listing.has_uids);
    let mut prints = prints.into_iter().peekable();
    for scan in listing.iter() {
        let print = prints
            .next_if(|(number, _)| *number == scan.number)
            .map(|(_, print)| stand_in(print));
        named.push(scan.number, scan.octets, scan.uid.or(print.as_deref()));
    }
    named
}

/// Whether QUIT may stand for DELE of everything that was retrieved (Gmail's `EXPIRE 0`, RFC 2449 section 6.7).
pub(super) fn quit_deletes_retrieved(transaction: &Transaction<Wire<'_>>) -> bool {
    transaction.capabilities().expire == Some(Expire::Days(0))
}

/// Ends a session that delivered nothing: by QUIT, unless the server may count a TOP as retrieval and expire the message.
pub(super) fn leave(transaction: Transaction<Wire<'_>>, topped: bool) {
    if topped && matches!(transaction.capabilities().expire, Some(Expire::Days(_))) {
        transaction.close();
    } else {
        // Nothing was asked for that QUIT's answer could confirm.
        let _ = transaction.delete_and_quit(&[], false);
    }
}
