use mailparse::{MailAddr, addrparse_header};

use super::header::{Field, Fields};

/// The sender of what has none, or none that can be handed on.
const NONE: &str = "MAILER-DAEMON";

pub(super) fn sender(fields: Fields<'_>) -> String {
    // The topmost field of a name is the one that the last server wrote.
    let first = |name| fields.clone().find(|field| field.is(name));
    let address = match first("return-path") {
        Some(path) => reverse_path(&path),
        None => first("sender")
            .or_else(|| first("from"))
            .and_then(|field| mailbox(&field)),
    };
    address
        .filter(|address| is_plain(address))
        .unwrap_or_else(|| NONE.to_owned())
}

/// What stands between the angle brackets of a Return-Path (RFC 5321 section 4.4); some leave the brackets out.
fn reverse_path(field: &Field<'_>) -> Option<String> {
    let value = std::str::from_utf8(field.value()).ok()?.trim();
    let bare = value
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    Some(bare.unwrap_or(value).trim().to_owned())
}

/// The first address of Sender or From (RFC 5322 section 3.6.2).
fn mailbox(field: &Field<'_>) -> Option<String> {
    let addresses = field.decode(|header| addrparse_header(header).ok())??;
    match addresses.into_inner().into_iter().next()? {
        MailAddr::Single(single) => Some(single.addr),
        MailAddr::Group(group) => group.addrs.into_iter().next().map(|single| single.addr),
    }
}

/// Whether an address can stand in any command line, quoted or not, and be nothing but an address there.
fn is_plain(address: &str) -> bool {
    let alphabet = |part: &str, extra: &[u8]| {
        !part.is_empty()
            && part
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || extra.contains(&octet))
    };
    address.len() <= 254
        && address.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && address
            .split_once('@')
            .is_some_and(|(local, domain)| alphabet(local, b"._+=~/-") && alphabet(domain, b"._-"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Header;
    use super::*;

    fn sender(header: &[u8]) -> String {
        let mut it = Header::default();
        it.push(header);
        it.sender()
    }

    #[test]
    fn where_it_is_taken_from() {
        for (header, expected) in [
            (
                "Return-Path: <a@x.example>\nSender: b@x\nFrom: c@x\n\n",
                "a@x.example",
            ),
            ("Return-Path: a@x.example\n\n", "a@x.example"),
            ("return-path:<a@x>\nReturn-Path: <b@x>\n\n", "a@x"),
            ("From: c@x\nSender: Bee <b@x>\n\n", "b@x"),
            ("From: \"C, c\" <c@x>, d@x\n\n", "c@x"),
            ("From: =?utf-8?q?C=C3=A9?= (see) <c@x>\n\n", "c@x"),
            ("From:\n c@x\n\n", "c@x"),
            ("From: all: c@x, d@x;\n\n", "c@x"),
            (
                "From: bounce+me=x.example-1/2~3_4@list.x\n\n",
                "bounce+me=x.example-1/2~3_4@list.x",
            ),
            ("From a@x Mon Jan  1 00:00:00 2024\nFrom: c@x\n\n", "c@x"),
            // Nothing to be had, or nothing that can be handed on.
            ("Return-Path: <>\nFrom: c@x\n\n", NONE),
            ("Return-Path:\nFrom: c@x\n\n", NONE),
            ("Return-Path: <@r:a@x>\n\n", NONE),
            ("Sender: nobody\nFrom: c@x\n\n", NONE),
            ("Subject: x\n\nFrom: c@x\n", NONE),
            ("\nFrom: c@x\n", NONE),
            ("", NONE),
        ] {
            assert_eq!(sender(header.as_bytes()), expected, "{header}");
        }
    }

    #[test]
    fn what_is_no_plain_address() {
        for address in [
            "",
            "@",
            "a@",
            "@x",
            "a",
            "a@b@c",
            "-oQ@x",
            "~root@x",
            "=ls@x",
            "/etc@x",
            ".a@x",
            "a b@x",
            "a;b@x",
            "$(id)@x",
            "`id`@x",
            "a'b@x",
            "\"a\"@x",
            "a\\b@x",
            "a|b@x",
            "a!b@x",
            "a#b@x",
            "a*@x",
            "a\n@x",
            "a\0@x",
            "é@x",
            "a@[127.0.0.1]",
            "a@x/y",
        ] {
            let header = format!("Return-Path: <{address}>\n\n");
            assert_eq!(sender(header.as_bytes()), NONE, "{address:?}");
        }
        let longest = format!("{}@x", "a".repeat(252));
        assert!(is_plain(&longest));
        assert!(!is_plain(&format!("a{longest}")));
    }

    proptest! {
        #[test]
        fn it_is_always_harmless(value in "[-a-z@<>\"'$;:,()=?~ \t\n\\\\é]{0,40}", name in "(Return-Path|Sender|From)") {
            let sender = sender(format!("{name}: {value}\n\n").as_bytes());
            prop_assert!(sender == NONE || is_plain(&sender));
            let misread = " \t\n\"'`$;|&<>()\\!*?[]{}#%";
            prop_assert!(!sender.contains(|character| misread.contains(character)));
            prop_assert!(!sender.starts_with(['-', '~', '/', '=', '+', '.']));
        }
    }
}
