//! The `popfetch` program: see [`popfetch::cli`].

fn main() -> std::process::ExitCode {
    popfetch::cli::main()
}
