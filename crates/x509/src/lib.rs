//! Certificates over any keybearer signer, remote keys included
