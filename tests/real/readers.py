"""Reads KIND MAILBOX and compares its messages with the files in EXPECTED, which are in the order of their names.

A Maildir has no order: there each message is to be found once. An mbox has; its mboxrd quoting is taken out here.
"""
import mailbox
import pathlib
import re
import sys

kind, path, expected = sys.argv[1:]
expected = [file.read_bytes() for file in sorted(pathlib.Path(expected).iterdir())]
if kind == "maildir":
    box = mailbox.Maildir(path, create=False)
    found = sorted(box.get_bytes(key) for key in box.iterkeys())
    expected.sort()
else:
    box = mailbox.mbox(path, create=False)
    box.lock()
    found = [re.sub(rb"^>(>*From )", rb"\1", box.get_bytes(key), flags=re.M) for key in box.iterkeys()]
    for message in box:
        sender, _, date = message.get_from().partition(" ")
        assert "@" in sender or sender == "MAILER-DAEMON", message.get_from()
        assert re.fullmatch(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", date), message.get_from()
    box.unlock()

if len(found) != len(expected):
    sys.exit(f"{len(found)} messages and not {len(expected)}")
for number, (one, other) in enumerate(zip(found, expected), 1):
    if one != other:
        sys.exit(f"message {number}: {one[:500]!r} ({len(one)} octets) and not {other[:500]!r} ({len(other)})")
    # The message as the library's own parser sees it.
subjects = sum(1 for message in box if message["Subject"])
assert subjects == len(expected), f"{subjects} subjects"
print(f"{len(found)} messages read as they were sent")
