//! Dovecot: Maildir, virtual users, STLS and POP3S.

use std::fs;
use std::path::Path;

use crate::namespace::{Namespace, free_port, need};
use crate::place::{Place, users, write_certificates};
use crate::support::mailbox;

const MECHANISMS: &str = "plain login cram-md5 apop scram-sha-1 scram-sha-256";
/// Owner of the mail; no such user need exist.
const OWNER: u32 = 60_999;

/// Starts it.
pub(crate) fn start() -> Place {
    start_with("")
}

/// Starts it with lines added to its configuration: `pop3_uidl_format = %f`, `pop3_lock_session = yes`.
///
/// # Panics
/// When it is not installed or does not come up.
pub(crate) fn start_with(settings: &str) -> Place {
    let program = need(Path::new("/usr/sbin/dovecot")).display();
    need(Path::new("/usr/lib/dovecot/pop3"));
    let mut namespace = Namespace::new("dovecot");
    write_certificates(&namespace);
    let users = users();
    let mut passwords = String::new();
    for user in &users {
        passwords += &format!("{}:{{PLAIN}}{}::::::\n", user.name, user.password);
        let maildir = namespace.path(&format!("mail/{}/Maildir", user.name));
        for folder in ["cur", "new", "tmp"] {
            fs::create_dir_all(maildir.join(folder)).unwrap();
        }
        for (number, text) in (1..).zip(&user.messages) {
            let name = format!("{}.M{number:06}P1.test", 1_704_067_200 + number);
            // A last line without its end, as some deliver it; the server adds it.
            let text = text
                .strip_suffix(b"\n.\n")
                .map_or(&text[..], |_| &text[..text.len() - 1]);
            fs::write(maildir.join("new").join(name), text).unwrap();
        }
    }
    namespace.give(&namespace.path("mail"), OWNER, OWNER);
    namespace.write("users", passwords);
    let (port, tls_port) = (free_port(), free_port());
    let here = namespace.text("");
    let here = here.trim_end_matches('/');
    namespace.write(
        "dovecot.conf",
        format!(
            "base_dir = {here}/run
log_path = /dev/stderr
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{here}/server.pem
ssl_key = <{here}/server.key
disable_plaintext_auth = no
auth_mechanisms = {MECHANISMS}
auth_username_format = %Ln
mail_location = maildir:{here}/mail/%n/Maildir
mail_uid = {OWNER}
mail_gid = {OWNER}
first_valid_uid = 500
mail_max_userip_connections = 100
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = username_format=%n {here}/users
}}
userdb {{
  driver = static
  args = uid={OWNER} gid={OWNER} home={here}/mail/%n
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
service auth {{
  user = root
}}
{settings}
"
        ),
    );
    namespace.start("", &format!("{program} -F -c \"$HERE/dovecot.conf\""));
    namespace.wait_for(&[port, tls_port]);
    Place {
        namespace,
        port,
        tls_port: Some(tls_port),
        users,
    }
}

/// Puts a message (LF line ends) into a user's maildrop, as it may be while the server runs.
pub(crate) fn deliver(place: &Place, user: &str, text: &[u8]) {
    let maildir = place.namespace.path(&format!("mail/{user}/Maildir"));
    let so_far =
        mailbox::folder(&maildir.join("new")).len() + mailbox::folder(&maildir.join("cur")).len();
    let name = format!("{}.M{so_far:06}P2.test", 1_704_100_000 + so_far);
    let waiting = maildir.join("tmp").join(&name);
    fs::write(&waiting, text).unwrap();
    place.namespace.give(&waiting, OWNER, OWNER);
    fs::rename(&waiting, maildir.join("new").join(name)).unwrap();
}
