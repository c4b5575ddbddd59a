//! Tests of keybearer that cross crates, with other people's programs as judges
