//! JWT bearer grants (RFC 7523) with any keybearer signer: assertion, exchange, cached tokens
