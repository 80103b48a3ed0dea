//! Keeps the JSON lines that have a value and, of them, some fields.
//!
//!     jsonl [--where FIELD=VALUE] [--select FIELD,FIELD…] < in.jsonl > out.jsonl
//!
//! A VALUE is JSON, or text where it is none. Exit status 2 for a wrong call, 1 for a line that is no JSON object; the
//! standard error says which one.

use serde_json::{Map, Value};
use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

#[derive(Default)]
struct Wanted {
    field: Option<(String, Value)>,
    select: Option<Vec<String>>,
}

fn main() -> ExitCode {
    let wanted = match wanted(env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(usage) => {
            eprintln!("jsonl: {usage}");
            return ExitCode::from(2);
        }
    };
    let output = BufWriter::new(io::stdout().lock());
    match run(io::stdin().lock(), output, &wanted) {
        Ok(kept) => {
            eprintln!("jsonl: {kept} lines kept");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("jsonl: {error}");
            ExitCode::FAILURE
        }
    }
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or(format!("{option} needs a value"))?;
        match option.as_str() {
            "--where" => {
                let (field, text) = value.split_once('=').ok_or("--where needs FIELD=VALUE")?;
                let found = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
                wanted.field = Some((field.to_owned(), found));
            }
            "--select" => wanted.select = Some(value.split(',').map(str::to_owned).collect()),
            _ => {
                return Err(format!(
                    "{option} is no option: there are --where and --select"
                ))
            }
        }
    }
    Ok(wanted)
}

fn run(
    input: impl BufRead,
    mut output: impl Write,
    wanted: &Wanted,
) -> Result<u64, Box<dyn Error>> {
    let mut kept = 0;
    for (number, line) in input.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let object: Map<String, Value> =
            serde_json::from_str(&line).map_err(|error| format!("line {}: {error}", number + 1))?;
        if let Some((field, value)) = &wanted.field {
            if object.get(field) != Some(value) {
                continue;
            }
        }
        match &wanted.select {
            None => serde_json::to_writer(&mut output, &object)?,
            Some(fields) => {
                let chosen: Map<String, Value> = fields
                    .iter()
                    .map(|field| {
                        (
                            field.clone(),
                            object.get(field).cloned().unwrap_or(Value::Null),
                        )
                    })
                    .collect();
                serde_json::to_writer(&mut output, &chosen)?;
            }
        }
        output.write_all(b"\n")?;
        kept += 1;
    }
    output.flush()?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(arguments: &[&str], input: &str) -> Result<String, String> {
        let wanted = wanted(arguments.iter().map(|one| one.to_string()))?;
        let mut output = Vec::new();
        run(input.as_bytes(), &mut output, &wanted).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(output).expect("JSON is UTF-8"))
    }

    #[test]
    fn keeps_lines_and_fields() {
        let input = "{\"b\":1,\"a\":\"x\"}\n\n{\"b\":2,\"a\":\"y\"}\n";
        assert_eq!(
            answer(&[], input).unwrap(),
            "{\"b\":1,\"a\":\"x\"}\n{\"b\":2,\"a\":\"y\"}\n"
        );
        assert_eq!(
            answer(&["--where", "a=y"], input).unwrap(),
            "{\"b\":2,\"a\":\"y\"}\n"
        );
        assert_eq!(
            answer(&["--where", "b=1", "--select", "a,c"], input).unwrap(),
            "{\"a\":\"x\",\"c\":null}\n"
        );
    }

    #[test]
    fn says_which_line_is_broken() {
        assert!(answer(&[], "{}\n{\"a\"\n")
            .unwrap_err()
            .starts_with("line 2: "));
        assert!(answer(&["--all"], "")
            .unwrap_err()
            .contains("needs a value"));
    }
}
