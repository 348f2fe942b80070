
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'popfetch' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'popfetch'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'popfetch' {
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Fetch at most so many messages from each account')
            [CompletionResult]::new('--max-size', '--max-size', [CompletionResultType]::ParameterName, 'Skip larger messages, and leave them on the server: 500k, 20M, 1G')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Work on so many accounts at once (default: 8)')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Work on so many accounts at once (default: 8)')
            [CompletionResult]::new('--shard', '--shard', [CompletionResultType]::ParameterName, 'Fetch from the accounts of part K, counted from 0, of N: each account falls to exactly one part by its name')
            [CompletionResult]::new('--no-mail-exit', '--no-mail-exit', [CompletionResultType]::ParameterName, 'Exit with this status when all is well and there was no new mail')
            [CompletionResult]::new('--maildir', '--maildir', [CompletionResultType]::ParameterName, 'Deliver into this Maildir')
            [CompletionResult]::new('--mbox', '--mbox', [CompletionResultType]::ParameterName, 'Deliver into this mbox file')
            [CompletionResult]::new('--mda', '--mda', [CompletionResultType]::ParameterName, 'Deliver through this shell command, one message each on its standard input')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The POP3 server')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Its TCP port (default: 995 with implicit TLS, else 110)')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user on it')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'TLS: implicit (from the first octet, the default), stls (required) or none')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...')
            [CompletionResult]::new('--password-command', '--password-command', [CompletionResultType]::ParameterName, 'Shell command whose first line of output is the password')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Draw progress bars: auto (on a terminal), always or never')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Leave delivered mail on the server')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Leave delivered mail on the server')
            [CompletionResult]::new('--no-keep', '--no-keep', [CompletionResultType]::ParameterName, 'Delete mail from the server once it is delivered')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Fetch everything on the server, what was delivered before too')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Say what would be done; write and delete nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say what would be done; write and delete nothing')
            [CompletionResult]::new('--accept-new-uids', '--accept-new-uids', [CompletionResultType]::ParameterName, 'Fetch a maildrop whose unique-ids are all new although it should be known, instead of holding it')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, an object a line on standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('fetch', 'fetch', [CompletionResultType]::ParameterValue, 'Fetch new mail (also without the word)')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Count what waits: new and all messages, and their octets')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List what is on the server: number, size, date, from, subject')
            [CompletionResult]::new('info', 'info', [CompletionResultType]::ParameterValue, 'Show what a server is like: greeting, TLS, certificate, capabilities, login methods')
            [CompletionResult]::new('seen', 'seen', [CompletionResultType]::ParameterValue, 'Show and change the memory of unique-ids')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Find and check the configuration file')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'popfetch;fetch' {
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Fetch at most so many messages from each account')
            [CompletionResult]::new('--max-size', '--max-size', [CompletionResultType]::ParameterName, 'Skip larger messages, and leave them on the server: 500k, 20M, 1G')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Work on so many accounts at once (default: 8)')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Work on so many accounts at once (default: 8)')
            [CompletionResult]::new('--shard', '--shard', [CompletionResultType]::ParameterName, 'Fetch from the accounts of part K, counted from 0, of N: each account falls to exactly one part by its name')
            [CompletionResult]::new('--no-mail-exit', '--no-mail-exit', [CompletionResultType]::ParameterName, 'Exit with this status when all is well and there was no new mail')
            [CompletionResult]::new('--maildir', '--maildir', [CompletionResultType]::ParameterName, 'Deliver into this Maildir')
            [CompletionResult]::new('--mbox', '--mbox', [CompletionResultType]::ParameterName, 'Deliver into this mbox file')
            [CompletionResult]::new('--mda', '--mda', [CompletionResultType]::ParameterName, 'Deliver through this shell command, one message each on its standard input')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The POP3 server')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Its TCP port (default: 995 with implicit TLS, else 110)')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user on it')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'TLS: implicit (from the first octet, the default), stls (required) or none')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...')
            [CompletionResult]::new('--password-command', '--password-command', [CompletionResultType]::ParameterName, 'Shell command whose first line of output is the password')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Draw progress bars: auto (on a terminal), always or never')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Leave delivered mail on the server')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Leave delivered mail on the server')
            [CompletionResult]::new('--no-keep', '--no-keep', [CompletionResultType]::ParameterName, 'Delete mail from the server once it is delivered')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Fetch everything on the server, what was delivered before too')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Say what would be done; write and delete nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say what would be done; write and delete nothing')
            [CompletionResult]::new('--accept-new-uids', '--accept-new-uids', [CompletionResultType]::ParameterName, 'Fetch a maildrop whose unique-ids are all new although it should be known, instead of holding it')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, an object a line on standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'popfetch;check' {
            [CompletionResult]::new('--no-mail-exit', '--no-mail-exit', [CompletionResultType]::ParameterName, 'Exit with this status when all is well and there is no new mail')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The POP3 server')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Its TCP port (default: 995 with implicit TLS, else 110)')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user on it')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'TLS: implicit (from the first octet, the default), stls (required) or none')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...')
            [CompletionResult]::new('--password-command', '--password-command', [CompletionResultType]::ParameterName, 'Shell command whose first line of output is the password')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Draw progress bars: auto (on a terminal), always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, an object a line on standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'popfetch;list' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The POP3 server')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Its TCP port (default: 995 with implicit TLS, else 110)')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user on it')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'TLS: implicit (from the first octet, the default), stls (required) or none')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...')
            [CompletionResult]::new('--password-command', '--password-command', [CompletionResultType]::ParameterName, 'Shell command whose first line of output is the password')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Draw progress bars: auto (on a terminal), always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, an object a line on standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'popfetch;info' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The POP3 server')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Its TCP port (default: 995 with implicit TLS, else 110)')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user on it')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'TLS: implicit (from the first octet, the default), stls (required) or none')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...')
            [CompletionResult]::new('--password-command', '--password-command', [CompletionResultType]::ParameterName, 'Shell command whose first line of output is the password')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Draw progress bars: auto (on a terminal), always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, an object a line on standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'popfetch;seen' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show each unique-id remembered, when it was dealt with, and how')
            [CompletionResult]::new('mark', 'mark', [CompletionResultType]::ParameterValue, 'Take messages for seen: they are not fetched, and never deleted')
            [CompletionResult]::new('forget', 'forget', [CompletionResultType]::ParameterValue, 'Forget messages: they are fetched again if they are on the server')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'popfetch;seen;show' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The POP3 server')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Its TCP port (default: 995 with implicit TLS, else 110)')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user on it')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'TLS: implicit (from the first octet, the default), stls (required) or none')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...')
            [CompletionResult]::new('--password-command', '--password-command', [CompletionResultType]::ParameterName, 'Shell command whose first line of output is the password')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Draw progress bars: auto (on a terminal), always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, an object a line on standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'popfetch;seen;mark' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The POP3 server')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Its TCP port (default: 995 with implicit TLS, else 110)')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user on it')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'TLS: implicit (from the first octet, the default), stls (required) or none')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...')
            [CompletionResult]::new('--password-command', '--password-command', [CompletionResultType]::ParameterName, 'Shell command whose first line of output is the password')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Draw progress bars: auto (on a terminal), always or never')
            [CompletionResult]::new('--delivered', '--delivered', [CompletionResultType]::ParameterName, 'They are safe elsewhere: delete them from the server as `keep` says')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, an object a line on standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'popfetch;seen;forget' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The POP3 server')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Its TCP port (default: 995 with implicit TLS, else 110)')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user on it')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'TLS: implicit (from the first octet, the default), stls (required) or none')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...')
            [CompletionResult]::new('--password-command', '--password-command', [CompletionResultType]::ParameterName, 'Shell command whose first line of output is the password')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Draw progress bars: auto (on a terminal), always or never')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Forget all of the account''s messages')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, an object a line on standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'popfetch;seen;help' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show each unique-id remembered, when it was dealt with, and how')
            [CompletionResult]::new('mark', 'mark', [CompletionResultType]::ParameterValue, 'Take messages for seen: they are not fetched, and never deleted')
            [CompletionResult]::new('forget', 'forget', [CompletionResultType]::ParameterValue, 'Forget messages: they are fetched again if they are on the server')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'popfetch;seen;help;show' {
            break
        }
        'popfetch;seen;help;mark' {
            break
        }
        'popfetch;seen;help;forget' {
            break
        }
        'popfetch;seen;help;help' {
            break
        }
        'popfetch;config' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where the configuration file is looked for')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the configuration file')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'popfetch;config;path' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Draw progress bars: auto (on a terminal), always or never')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Print the folder of the journals instead')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, an object a line on standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'popfetch;config;check' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read this configuration file, not $POPFETCH_CONFIG nor the platform''s')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'This account; can be given several times')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Draw progress bars: auto (on a terminal), always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but problems, and not those that pass by themselves; never ask for a password')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: -v a line for each message, -vv commands and status lines, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, an object a line on standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'popfetch;config;help' {
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where the configuration file is looked for')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the configuration file')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'popfetch;config;help;path' {
            break
        }
        'popfetch;config;help;check' {
            break
        }
        'popfetch;config;help;help' {
            break
        }
        'popfetch;help' {
            [CompletionResult]::new('fetch', 'fetch', [CompletionResultType]::ParameterValue, 'Fetch new mail (also without the word)')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Count what waits: new and all messages, and their octets')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List what is on the server: number, size, date, from, subject')
            [CompletionResult]::new('info', 'info', [CompletionResultType]::ParameterValue, 'Show what a server is like: greeting, TLS, certificate, capabilities, login methods')
            [CompletionResult]::new('seen', 'seen', [CompletionResultType]::ParameterValue, 'Show and change the memory of unique-ids')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Find and check the configuration file')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'popfetch;help;fetch' {
            break
        }
        'popfetch;help;check' {
            break
        }
        'popfetch;help;list' {
            break
        }
        'popfetch;help;info' {
            break
        }
        'popfetch;help;seen' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show each unique-id remembered, when it was dealt with, and how')
            [CompletionResult]::new('mark', 'mark', [CompletionResultType]::ParameterValue, 'Take messages for seen: they are not fetched, and never deleted')
            [CompletionResult]::new('forget', 'forget', [CompletionResultType]::ParameterValue, 'Forget messages: they are fetched again if they are on the server')
            break
        }
        'popfetch;help;seen;show' {
            break
        }
        'popfetch;help;seen;mark' {
            break
        }
        'popfetch;help;seen;forget' {
            break
        }
        'popfetch;help;config' {
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where the configuration file is looked for')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the configuration file')
            break
        }
        'popfetch;help;config;path' {
            break
        }
        'popfetch;help;config;check' {
            break
        }
        'popfetch;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
