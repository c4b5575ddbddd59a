//! OAuth access tokens by JWT bearer grant, from a signing key that lives anywhere
