//! The HTTP client of keybearer: TLS on ring, roots, proxy, limits
