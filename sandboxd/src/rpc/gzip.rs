//! gzip for long answers, where the client asks for it.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{self, HeaderMap};
use hyper::body::Bytes;

/// Shorter bodies go as they are: on a local connection a client takes longer to unpack 10 KiB (half
/// a millisecond in Node) than to read them.
pub(super) const SHORTEST: usize = 1 << 15;

/// Whether the client takes gzip: named, or under `*`, and not with the quality 0.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    let mut all = None;
    for coding in codings.flat_map(|codings| codings.split(',')) {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let quality = parameters.trim().strip_prefix("q=").unwrap_or("1");
        let takes = quality.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return takes,
            "*" => all = Some(takes),
            _ => {}
        }
    }
    all.unwrap_or(false)
}

/// The body as one gzip member.
pub(super) fn compressed(body: &[u8]) -> Bytes {
    let mut gzip = GzEncoder::new(Vec::with_capacity(SHORTEST), Compression::fast());
    let written = gzip.write_all(body).and_then(|()| gzip.finish());
    written.expect("writing into a vector cannot fail").into()
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};

    fn is_wanted(accept: &'static str) -> bool {
        let accept = HeaderValue::from_static(accept);
        super::is_wanted(&HeaderMap::from_iter([(ACCEPT_ENCODING, accept)]))
    }

    #[test]
    fn gzip_is_for_those_who_ask() {
        for asked in ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.5", "*", "deflate,*;q=0.1"] {
            assert!(is_wanted(asked), "{asked}");
        }
        for not in ["", "identity", "gzip;q=0", "br, gzip;q=0.0", "gzip;q=0, *", "*;q=0", "gzipped"]
        {
            assert!(!is_wanted(not), "{not}");
        }
    }
}
