//! Asks for each path that comes by a line, with the cookies of reqwest, and writes the body by a line.

use std::error::Error;
use std::io::stdin;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("the address is missing")?;
    let client = reqwest::blocking::Client::builder().cookie_store(true).no_proxy().build()?;
    for path in stdin().lines() {
        println!("{}", client.get(address.clone() + &path?).send()?.text()?);
    }
    Ok(())
}
