//! Java key stores (JKS) as keybearer signers, read and written
