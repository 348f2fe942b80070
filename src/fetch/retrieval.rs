//! Messages from the wire into the open batch: streamed, bounded, committed while more arrive.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::account::{Courier, with_mail};
use super::batch::{Batch, Staged, now};
use super::event::{Event, Skip};
use super::failure::{self, Stopped};
use super::listing::{Maildrop, stand_in};
use super::login::Opened;
use super::outcome::Class;
use super::plan::Plan;
use super::presence::OVERSIZE;
use super::received;
use super::wire::Wire;
use crate::deliver::Envelope;
use crate::message::{Header, Print};
use crate::pop3::{Incoming, MessageNumber, Reply, Retrieval};
use crate::state::{Line, escape};

/// How long an empty socket is waited on before the open batch is committed.
const LULL: Duration = Duration::from_millis(20);
/// A message without a size in the scan listing, and without `max_size`, may have this many octets.
const UNLISTED: u64 = 4 * 1024 * 1024 * 1024;
/// What a message may have beyond twice its listed size: servers add headers and count line ends differently.
const SLACK: u64 = 16 * 1024 * 1024;

/// What the retrieval of messages brought, for what follows it.
#[derive(Default)]
pub(super) struct Haul {
    /// Positions delivered and remembered.
    pub(super) delivered: Vec<u32>,
    /// Unique-ids of which a copy failed: later copies wait.
    pub(super) failed: HashSet<Vec<u8>>,
    /// Messages asked for and not remembered.
    pub(super) unremembered: bool,
    /// Without unique-ids: what each position turned out to be, and how often each was met.
    pub(super) contents: HashMap<u32, Vec<u8>>,
    met: HashMap<Print, u32>,
    /// The room for the header of the message in hand.
    header: Header,
}

/// Why a message in hand is not wanted after all.
enum Unwanted {
    /// Larger than `max_size`, whatever the listing said.
    Oversize,
    /// Recognised by its content as delivered before.
    Known,
    /// An earlier copy of it failed.
    EarlierCopy,
}

impl Courier<'_> {
    /// Reads messages through the window into the batch, committing it whenever it is full or the line falls silent.
    pub(super) fn retrieve(
        &mut self,
        opened: &mut Opened<'_>,
        drop: &Maildrop,
        plan: &Plan,
        batch: &mut Batch<'_>,
        haul: &mut Haul,
    ) -> Result<(), Stopped> {
        let account = self.account;
        let on_wire = |error| failure::wire(account, error);
        let wanted = plan
            .fetch
            .iter()
            .filter_map(|&position| drop.listing.get(position as usize));
        let mut retrieval = opened.transaction.retrieve(
            wanted.map(|scan| (scan.number, scan.octets)).collect(),
            drop.window,
        );
        let mut positions = plan.fetch.iter().copied();
        loop {
            if self.run.stop.raised().is_some() {
                // Nothing more is asked for; where no reply is owed, the session can still be ended in order.
                if retrieval.idle() {
                    return Ok(());
                }
                haul.unremembered = true;
                return Err(Stopped::Signal);
            }
            if !batch.is_empty() {
                // The server has the next commands before the disk is waited for.
                retrieval
                    .ask()
                    .map_err(on_wire)
                    .inspect_err(|_| haul.unremembered = true)?;
                if batch.is_full() || (retrieval.awaits_more() && retrieval.wire().quiet(LULL)) {
                    self.commit(batch, haul)?;
                }
            }
            let Some(incoming) = retrieval.next() else {
                return Ok(());
            };
            // Until it is remembered, a message that was asked for stands against QUIT.
            let incoming = incoming
                .map_err(on_wire)
                .inspect_err(|_| haul.unremembered = true)?;
            let position = positions.next().unwrap_or_default();
            match incoming {
                Incoming::Refused(number, reply) => {
                    haul.unremembered = true;
                    self.message_refused(drop, position, number, reply, haul)?;
                }
                Incoming::Message(number) => {
                    if let Err(stopped) =
                        self.stage(&mut retrieval, drop, position, number, batch, haul)
                    {
                        haul.unremembered = true;
                        batch.delivery().cut();
                        return Err(stopped);
                    }
                }
            }
        }
    }

    fn message_refused(
        &mut self,
        drop: &Maildrop,
        position: u32,
        number: MessageNumber,
        reply: Reply,
        haul: &mut Haul,
    ) -> Result<(), Stopped> {
        let why = match &*reply.text {
            [] => "the server refused RETR".to_owned(),
            said => format!(
                "the server refused RETR: \"{}\"",
                String::from_utf8_lossy(said)
            ),
        };
        let failure = failure::refused(
            self.account,
            Class::Protocol,
            format!("message {number}: the server refused RETR"),
            reply,
        );
        self.sum.failed += 1;
        self.sum.outcome.class = self.sum.outcome.class.max(Some(failure.class));
        let uid = drop
            .listing
            .get(position as usize)
            .and_then(|scan| scan.uid)
            .unwrap_or_default()
            .to_vec();
        with_mail(drop, position, |mail| {
            self.tell(Event::MessageFailed(mail, failure));
        });
        if uid.is_empty() {
            return Ok(());
        }
        let count = self
            .journal
            .memory()
            .get(&uid)
            .map_or(0, |record| record.failures)
            + 1;
        self.remember(&[Line::Failed {
            time: now(),
            count,
            uid: &uid,
            why: &why,
        }])?;
        haul.failed.insert(uid);
        Ok(())
    }

    /// Takes one message from the wire to where its batch waits.
    fn stage(
        &mut self,
        retrieval: &mut Retrieval<'_, Wire<'_>>,
        drop: &Maildrop,
        position: u32,
        number: MessageNumber,
        batch: &mut Batch<'_>,
        haul: &mut Haul,
    ) -> Result<(), Stopped> {
        let account = self.account;
        let Some(scan) = drop.listing.get(position as usize) else {
            return Ok(());
        };
        let most = scan
            .octets
            .map_or(account.max_size.unwrap_or(UNLISTED), |octets| {
                octets.saturating_mul(2)
            })
            .saturating_add(SLACK);
        let mut unwanted = scan
            .uid
            .filter(|uid| haul.failed.contains(*uid))
            .map(|_| Unwanted::EarlierCopy);
        let mut header = std::mem::take(&mut haul.header);
        header.clear();
        let mut print = None;
        let mut begun = false;
        let mut told = 0;
        while let Some(piece) = retrieval
            .piece()
            .map_err(|error| failure::wire(account, error))?
        {
            if unwanted.is_none() {
                if begun {
                    batch
                        .delivery()
                        .write(piece)
                        .map_err(|error| failure::delivery(&error))?;
                } else if header.push(piece) {
                    let known = *print.insert(header.print());
                    unwanted =
                        self.begin(&header, known, scan.uid, drop.by_content, batch, haul)?;
                    begun = unwanted.is_none();
                }
            }
            let octets = retrieval.octets();
            self.tell(Event::Octets(octets - told));
            told = octets;
            if unwanted.is_none() && account.max_size.is_some_and(|max| octets > max) {
                batch.delivery().cut();
                unwanted = Some(Unwanted::Oversize);
            }
            if octets > most {
                let what = format!("message {number} has no end: more than {most} octets came");
                return Err(failure::protocol(account, what).into());
            }
        }
        let print = print.unwrap_or_else(|| header.print());
        if unwanted.is_none() && !begun {
            unwanted = self.begin(&header, print, scan.uid, drop.by_content, batch, haul)?;
        }
        haul.header = header;
        let uid = scan.uid.map_or_else(|| stand_in(print), <[u8]>::to_vec);
        if drop.by_content {
            haul.contents.insert(position, uid.clone());
        }
        match unwanted {
            None => {
                batch
                    .delivery()
                    .end()
                    .map_err(|error| failure::delivery(&error))?;
                batch.add(Staged {
                    position,
                    number,
                    octets: retrieval.octets(),
                    uid,
                    print,
                });
                Ok(())
            }
            Some(Unwanted::Known) => {
                haul.delivered.push(position);
                Ok(())
            }
            Some(Unwanted::EarlierCopy) => {
                haul.unremembered = true;
                with_mail(drop, position, |mail| {
                    self.tell(Event::Skipped(mail, Skip::EarlierCopy));
                });
                Ok(())
            }
            Some(Unwanted::Oversize) => {
                haul.unremembered = true;
                self.sum.oversize += 1;
                with_mail(drop, position, |mail| {
                    self.tell(Event::Skipped(mail, Skip::Oversize));
                });
                self.remember(&[Line::Failed {
                    time: now(),
                    count: 1,
                    uid: &uid,
                    why: OVERSIZE,
                }])
            }
        }
    }

    /// The header is here: the delivery can begin, unless the message turns out to be known.
    fn begin(
        &mut self,
        header: &Header,
        print: Print,
        uid: Option<&[u8]>,
        by_content: bool,
        batch: &mut Batch<'_>,
        haul: &mut Haul,
    ) -> Result<Option<Unwanted>, Stopped> {
        if by_content && uid.is_none() {
            let met = haul.met.entry(print).or_insert(0);
            *met += 1;
            let delivered = self
                .journal
                .memory()
                .get(&stand_in(print))
                .map_or(0, |record| record.delivered);
            if *met <= delivered {
                return Ok(Some(Unwanted::Known));
            }
        }
        let received = now();
        let delivery = batch.delivery();
        let envelope = if delivery.wants_envelope() {
            Envelope {
                sender: header.sender(),
                received,
                uid: uid.map_or_else(|| escape(&stand_in(print)), escape),
            }
        } else {
            Envelope::default()
        };
        delivery
            .begin(&envelope)
            .map_err(|error| failure::delivery(&error))?;
        if self.account.received_header {
            delivery
                .write(received::line(self.account, received).as_bytes())
                .map_err(|error| failure::delivery(&error))?;
        }
        delivery
            .write(header.octets())
            .map_err(|error| failure::delivery(&error))?;
        Ok(None)
    }

    pub(super) fn commit(&mut self, batch: &mut Batch<'_>, haul: &mut Haul) -> Result<(), Stopped> {
        let committed = batch
            .commit(self.journal)
            .inspect_err(|_| haul.unremembered = true)?;
        self.sum.delivered += committed.delivered.len() as u64 - committed.dropped;
        self.sum.dropped += committed.dropped;
        self.sum.octets += committed.octets;
        self.sum.failed += committed.failed.len() as u64;
        self.sum.outcome.class = self.sum.outcome.class.max(committed.class);
        haul.unremembered |= !committed.failed.is_empty();
        haul.delivered.extend(committed.delivered);
        haul.failed.extend(committed.failed);
        Ok(())
    }
}
