//! A Salesforce-like authorization server for demos and tests
