# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_popfetch_global_optspecs
    string join \n k/keep no-keep all limit= max-size= n/dry-run j/jobs= shard= accept-new-uids no-mail-exit= maildir= mbox= mda= host= port= user= tls= auth= password-command= c/config= a/account= q/quiet v/verbose progress= json h/help V/version
end

function __fish_popfetch_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_popfetch_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_popfetch_using_subcommand
    set -l cmd (__fish_popfetch_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c popfetch -n "__fish_popfetch_needs_command" -l limit -d 'Fetch at most so many messages from each account' -r
complete -c popfetch -n "__fish_popfetch_needs_command" -l max-size -d 'Skip larger messages, and leave them on the server: 500k, 20M, 1G' -r
complete -c popfetch -n "__fish_popfetch_needs_command" -s j -l jobs -d 'Work on so many accounts at once (default: 8)' -r
complete -c popfetch -n "__fish_popfetch_needs_command" -l shard -d 'Fetch from the accounts of part K, counted from 0, of N: each account falls to exactly one part by its name' -r
complete -c popfetch -n "__fish_popfetch_needs_command" -l no-mail-exit -d 'Exit with this status when all is well and there was no new mail' -r
complete -c popfetch -n "__fish_popfetch_needs_command" -l maildir -d 'Deliver into this Maildir' -r -f -a "(__fish_complete_directories)"
complete -c popfetch -n "__fish_popfetch_needs_command" -l mbox -d 'Deliver into this mbox file' -r -F
complete -c popfetch -n "__fish_popfetch_needs_command" -l mda -d 'Deliver through this shell command, one message each on its standard input' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_needs_command" -l host -d 'The POP3 server' -r -f -a "(__fish_print_hostnames)"
complete -c popfetch -n "__fish_popfetch_needs_command" -l port -d 'Its TCP port (default: 995 with implicit TLS, else 110)' -r
complete -c popfetch -n "__fish_popfetch_needs_command" -l user -d 'The user on it' -r -f -a "(__fish_complete_users)"
complete -c popfetch -n "__fish_popfetch_needs_command" -l tls -d 'TLS: implicit (from the first octet, the default), stls (required) or none' -r -f -a "implicit\t''
stls\t''
none\t''"
complete -c popfetch -n "__fish_popfetch_needs_command" -l auth -d 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...' -r
complete -c popfetch -n "__fish_popfetch_needs_command" -l password-command -d 'Shell command whose first line of output is the password' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_needs_command" -s c -l config -d 'Read this configuration file, not $POPFETCH_CONFIG nor the platform\'s' -r -F
complete -c popfetch -n "__fish_popfetch_needs_command" -s a -l account -d 'This account; can be given several times' -r
complete -c popfetch -n "__fish_popfetch_needs_command" -l progress -d 'Draw progress bars: auto (on a terminal), always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c popfetch -n "__fish_popfetch_needs_command" -s k -l keep -d 'Leave delivered mail on the server'
complete -c popfetch -n "__fish_popfetch_needs_command" -l no-keep -d 'Delete mail from the server once it is delivered'
complete -c popfetch -n "__fish_popfetch_needs_command" -l all -d 'Fetch everything on the server, what was delivered before too'
complete -c popfetch -n "__fish_popfetch_needs_command" -s n -l dry-run -d 'Say what would be done; write and delete nothing'
complete -c popfetch -n "__fish_popfetch_needs_command" -l accept-new-uids -d 'Fetch a maildrop whose unique-ids are all new although it should be known, instead of holding it'
complete -c popfetch -n "__fish_popfetch_needs_command" -s q -l quiet -d 'Say nothing but problems, and not those that pass by themselves; never ask for a password'
complete -c popfetch -n "__fish_popfetch_needs_command" -s v -l verbose -d 'Say more: -v a line for each message, -vv commands and status lines, secrets masked'
complete -c popfetch -n "__fish_popfetch_needs_command" -l json -d 'Answer in JSON, an object a line on standard output'
complete -c popfetch -n "__fish_popfetch_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_needs_command" -s V -l version -d 'Print version'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "fetch" -d 'Fetch new mail (also without the word)'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "check" -d 'Count what waits: new and all messages, and their octets'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "list" -d 'List what is on the server: number, size, date, from, subject'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "info" -d 'Show what a server is like: greeting, TLS, certificate, capabilities, login methods'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "seen" -d 'Show and change the memory of unique-ids'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "config" -d 'Find and check the configuration file'
complete -c popfetch -n "__fish_popfetch_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l limit -d 'Fetch at most so many messages from each account' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l max-size -d 'Skip larger messages, and leave them on the server: 500k, 20M, 1G' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s j -l jobs -d 'Work on so many accounts at once (default: 8)' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l shard -d 'Fetch from the accounts of part K, counted from 0, of N: each account falls to exactly one part by its name' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l no-mail-exit -d 'Exit with this status when all is well and there was no new mail' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l maildir -d 'Deliver into this Maildir' -r -f -a "(__fish_complete_directories)"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l mbox -d 'Deliver into this mbox file' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l mda -d 'Deliver through this shell command, one message each on its standard input' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l host -d 'The POP3 server' -r -f -a "(__fish_print_hostnames)"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l port -d 'Its TCP port (default: 995 with implicit TLS, else 110)' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l user -d 'The user on it' -r -f -a "(__fish_complete_users)"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l tls -d 'TLS: implicit (from the first octet, the default), stls (required) or none' -r -f -a "implicit\t''
stls\t''
none\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l auth -d 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l password-command -d 'Shell command whose first line of output is the password' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s c -l config -d 'Read this configuration file, not $POPFETCH_CONFIG nor the platform\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s a -l account -d 'This account; can be given several times' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l progress -d 'Draw progress bars: auto (on a terminal), always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s k -l keep -d 'Leave delivered mail on the server'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l no-keep -d 'Delete mail from the server once it is delivered'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l all -d 'Fetch everything on the server, what was delivered before too'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s n -l dry-run -d 'Say what would be done; write and delete nothing'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l accept-new-uids -d 'Fetch a maildrop whose unique-ids are all new although it should be known, instead of holding it'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s q -l quiet -d 'Say nothing but problems, and not those that pass by themselves; never ask for a password'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s v -l verbose -d 'Say more: -v a line for each message, -vv commands and status lines, secrets masked'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -l json -d 'Answer in JSON, an object a line on standard output'
complete -c popfetch -n "__fish_popfetch_using_subcommand fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -l no-mail-exit -d 'Exit with this status when all is well and there is no new mail' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -l host -d 'The POP3 server' -r -f -a "(__fish_print_hostnames)"
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -l port -d 'Its TCP port (default: 995 with implicit TLS, else 110)' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -l user -d 'The user on it' -r -f -a "(__fish_complete_users)"
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -l tls -d 'TLS: implicit (from the first octet, the default), stls (required) or none' -r -f -a "implicit\t''
stls\t''
none\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -l auth -d 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -l password-command -d 'Shell command whose first line of output is the password' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -s c -l config -d 'Read this configuration file, not $POPFETCH_CONFIG nor the platform\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -s a -l account -d 'This account; can be given several times' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -l progress -d 'Draw progress bars: auto (on a terminal), always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -s q -l quiet -d 'Say nothing but problems, and not those that pass by themselves; never ask for a password'
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -s v -l verbose -d 'Say more: -v a line for each message, -vv commands and status lines, secrets masked'
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -l json -d 'Answer in JSON, an object a line on standard output'
complete -c popfetch -n "__fish_popfetch_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l host -d 'The POP3 server' -r -f -a "(__fish_print_hostnames)"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l port -d 'Its TCP port (default: 995 with implicit TLS, else 110)' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l user -d 'The user on it' -r -f -a "(__fish_complete_users)"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l tls -d 'TLS: implicit (from the first octet, the default), stls (required) or none' -r -f -a "implicit\t''
stls\t''
none\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l auth -d 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l password-command -d 'Shell command whose first line of output is the password' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s c -l config -d 'Read this configuration file, not $POPFETCH_CONFIG nor the platform\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s a -l account -d 'This account; can be given several times' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l progress -d 'Draw progress bars: auto (on a terminal), always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s q -l quiet -d 'Say nothing but problems, and not those that pass by themselves; never ask for a password'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s v -l verbose -d 'Say more: -v a line for each message, -vv commands and status lines, secrets masked'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -l json -d 'Answer in JSON, an object a line on standard output'
complete -c popfetch -n "__fish_popfetch_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -l host -d 'The POP3 server' -r -f -a "(__fish_print_hostnames)"
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -l port -d 'Its TCP port (default: 995 with implicit TLS, else 110)' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -l user -d 'The user on it' -r -f -a "(__fish_complete_users)"
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -l tls -d 'TLS: implicit (from the first octet, the default), stls (required) or none' -r -f -a "implicit\t''
stls\t''
none\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -l auth -d 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -l password-command -d 'Shell command whose first line of output is the password' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -s c -l config -d 'Read this configuration file, not $POPFETCH_CONFIG nor the platform\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -s a -l account -d 'This account; can be given several times' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -l progress -d 'Draw progress bars: auto (on a terminal), always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -s q -l quiet -d 'Say nothing but problems, and not those that pass by themselves; never ask for a password'
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -s v -l verbose -d 'Say more: -v a line for each message, -vv commands and status lines, secrets masked'
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -l json -d 'Answer in JSON, an object a line on standard output'
complete -c popfetch -n "__fish_popfetch_using_subcommand info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and not __fish_seen_subcommand_from show mark forget help" -s h -l help -d 'Print help'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and not __fish_seen_subcommand_from show mark forget help" -f -a "show" -d 'Show each unique-id remembered, when it was dealt with, and how'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and not __fish_seen_subcommand_from show mark forget help" -f -a "mark" -d 'Take messages for seen: they are not fetched, and never deleted'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and not __fish_seen_subcommand_from show mark forget help" -f -a "forget" -d 'Forget messages: they are fetched again if they are on the server'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and not __fish_seen_subcommand_from show mark forget help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -l host -d 'The POP3 server' -r -f -a "(__fish_print_hostnames)"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -l port -d 'Its TCP port (default: 995 with implicit TLS, else 110)' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -l user -d 'The user on it' -r -f -a "(__fish_complete_users)"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -l tls -d 'TLS: implicit (from the first octet, the default), stls (required) or none' -r -f -a "implicit\t''
stls\t''
none\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -l auth -d 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -l password-command -d 'Shell command whose first line of output is the password' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -s c -l config -d 'Read this configuration file, not $POPFETCH_CONFIG nor the platform\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -s a -l account -d 'This account; can be given several times' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -l progress -d 'Draw progress bars: auto (on a terminal), always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but problems, and not those that pass by themselves; never ask for a password'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more: -v a line for each message, -vv commands and status lines, secrets masked'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -l json -d 'Answer in JSON, an object a line on standard output'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -l host -d 'The POP3 server' -r -f -a "(__fish_print_hostnames)"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -l port -d 'Its TCP port (default: 995 with implicit TLS, else 110)' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -l user -d 'The user on it' -r -f -a "(__fish_complete_users)"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -l tls -d 'TLS: implicit (from the first octet, the default), stls (required) or none' -r -f -a "implicit\t''
stls\t''
none\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -l auth -d 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -l password-command -d 'Shell command whose first line of output is the password' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -s c -l config -d 'Read this configuration file, not $POPFETCH_CONFIG nor the platform\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -s a -l account -d 'This account; can be given several times' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -l progress -d 'Draw progress bars: auto (on a terminal), always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -l delivered -d 'They are safe elsewhere: delete them from the server as `keep` says'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -s q -l quiet -d 'Say nothing but problems, and not those that pass by themselves; never ask for a password'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -s v -l verbose -d 'Say more: -v a line for each message, -vv commands and status lines, secrets masked'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -l json -d 'Answer in JSON, an object a line on standard output'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from mark" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -l host -d 'The POP3 server' -r -f -a "(__fish_print_hostnames)"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -l port -d 'Its TCP port (default: 995 with implicit TLS, else 110)' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -l user -d 'The user on it' -r -f -a "(__fish_complete_users)"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -l tls -d 'TLS: implicit (from the first octet, the default), stls (required) or none' -r -f -a "implicit\t''
stls\t''
none\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -l auth -d 'Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -l password-command -d 'Shell command whose first line of output is the password' -r -f -a "(__fish_complete_command)"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -s c -l config -d 'Read this configuration file, not $POPFETCH_CONFIG nor the platform\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -s a -l account -d 'This account; can be given several times' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -l progress -d 'Draw progress bars: auto (on a terminal), always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -l all -d 'Forget all of the account\'s messages'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -s q -l quiet -d 'Say nothing but problems, and not those that pass by themselves; never ask for a password'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -s v -l verbose -d 'Say more: -v a line for each message, -vv commands and status lines, secrets masked'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -l json -d 'Answer in JSON, an object a line on standard output'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show each unique-id remembered, when it was dealt with, and how'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from help" -f -a "mark" -d 'Take messages for seen: they are not fetched, and never deleted'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from help" -f -a "forget" -d 'Forget messages: they are fetched again if they are on the server'
complete -c popfetch -n "__fish_popfetch_using_subcommand seen; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from path check help" -s h -l help -d 'Print help'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from path check help" -f -a "path" -d 'Print where the configuration file is looked for'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from path check help" -f -a "check" -d 'Check the configuration file'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and not __fish_seen_subcommand_from path check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from path" -s c -l config -d 'Read this configuration file, not $POPFETCH_CONFIG nor the platform\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from path" -s a -l account -d 'This account; can be given several times' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from path" -l progress -d 'Draw progress bars: auto (on a terminal), always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from path" -l state -d 'Print the folder of the journals instead'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from path" -s q -l quiet -d 'Say nothing but problems, and not those that pass by themselves; never ask for a password'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from path" -s v -l verbose -d 'Say more: -v a line for each message, -vv commands and status lines, secrets masked'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from path" -l json -d 'Answer in JSON, an object a line on standard output'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s c -l config -d 'Read this configuration file, not $POPFETCH_CONFIG nor the platform\'s' -r -F
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s a -l account -d 'This account; can be given several times' -r
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l progress -d 'Draw progress bars: auto (on a terminal), always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Say nothing but problems, and not those that pass by themselves; never ask for a password'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say more: -v a line for each message, -vv commands and status lines, secrets masked'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'Answer in JSON, an object a line on standard output'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "path" -d 'Print where the configuration file is looked for'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check the configuration file'
complete -c popfetch -n "__fish_popfetch_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and not __fish_seen_subcommand_from fetch check list info seen config help" -f -a "fetch" -d 'Fetch new mail (also without the word)'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and not __fish_seen_subcommand_from fetch check list info seen config help" -f -a "check" -d 'Count what waits: new and all messages, and their octets'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and not __fish_seen_subcommand_from fetch check list info seen config help" -f -a "list" -d 'List what is on the server: number, size, date, from, subject'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and not __fish_seen_subcommand_from fetch check list info seen config help" -f -a "info" -d 'Show what a server is like: greeting, TLS, certificate, capabilities, login methods'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and not __fish_seen_subcommand_from fetch check list info seen config help" -f -a "seen" -d 'Show and change the memory of unique-ids'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and not __fish_seen_subcommand_from fetch check list info seen config help" -f -a "config" -d 'Find and check the configuration file'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and not __fish_seen_subcommand_from fetch check list info seen config help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and __fish_seen_subcommand_from seen" -f -a "show" -d 'Show each unique-id remembered, when it was dealt with, and how'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and __fish_seen_subcommand_from seen" -f -a "mark" -d 'Take messages for seen: they are not fetched, and never deleted'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and __fish_seen_subcommand_from seen" -f -a "forget" -d 'Forget messages: they are fetched again if they are on the server'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "path" -d 'Print where the configuration file is looked for'
complete -c popfetch -n "__fish_popfetch_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Check the configuration file'
