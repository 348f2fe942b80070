/// The first stamp in a greeting that is an RFC 822 msg-id: what is no msg-id may be chosen by an attacker so that
/// the digest gives the password away (CVE-2007-1558). Quoted strings, which no server uses, are not let through.
pub(super) fn find(greeting: &[u8]) -> Option<&str> {
    memchr::memchr_iter(b'<', greeting).find_map(|start| {
        let length = memchr::memchr(b'>', &greeting[start..])?;
        let stamp = &greeting[start..=start + length];
        let at = memchr::memrchr(b'@', stamp)?;
        let (local, domain) = (&stamp[1..at], &stamp[at + 1..stamp.len() - 1]);
        if !(is_dot_atom(local) && (is_dot_atom(domain) || is_domain_literal(domain))) {
            return None;
        }
        std::str::from_utf8(stamp).ok()
    })
}

/// Atoms joined by dots (RFC 822 section 3.3).
fn is_dot_atom(text: &[u8]) -> bool {
    text.split(|octet| *octet == b'.').all(|atom| {
        !atom.is_empty()
            && atom
                .iter()
                .all(|octet| octet.is_ascii_graphic() && !b"()<>@,;:\\\"[]".contains(octet))
    })
}

/// `[192.0.2.1]`.
fn is_domain_literal(text: &[u8]) -> bool {
    let inner = text
        .strip_prefix(b"[")
        .and_then(|text| text.strip_suffix(b"]"));
    inner.is_some_and(|inner| {
        !inner.is_empty()
            && inner
                .iter()
                .all(|octet| octet.is_ascii_graphic() && !b"[]\\".contains(octet))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps() {
        let cases: &[(&[u8], Option<&str>)] = &[
            (
                b"POP3 server ready <1896.697170952@dbc.mtview.ca.us>",
                Some("<1896.697170952@dbc.mtview.ca.us>"),
            ),
            (
                b"Dovecot ready. <4a.2.6b022d60.QZiL6t+3teYF9cIddnvfKg==@vm>",
                Some("<4a.2.6b022d60.QZiL6t+3teYF9cIddnvfKg==@vm>"),
            ),
            (b"<a@[192.0.2.1]> x", Some("<a@[192.0.2.1]>")),
            (b"<hello> <a@b>", Some("<a@b>")),
            (b"<<a@b>", Some("<a@b>")),
            (b"POP3 perditon ready on 127.0.0.1 0002da99", None),
            (b"<a@b", None),
            (b"<@b>", None),
            (b"<a@>", None),
            (b"<a>", None),
            (b"<a@b@c>", None),
            (b"<a..b@c>", None),
            (b"<.a@c>", None),
            (b"<a@c.>", None),
            (b"<a b@c>", None),
            (b"<\"a b\"@c>", None),
            (b"<a\xff@c>", None),
            (b"<a\x07@c>", None),
            (b"<a@[]>", None),
            (b"<a@[x[y]>", None),
            (b"<", None),
            (b"", None),
        ];
        for (greeting, expected) in cases {
            assert_eq!(find(greeting), *expected, "{greeting:?}");
        }
    }
}
