//! Salesforce's rules for the JWT bearer flow: hosts, audience, refusals explained
