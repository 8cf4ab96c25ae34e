//! Adds taxes.

/// The price with tax, in cents.
pub fn gross(net: u32, percent: u32) -> u32 {
    net * (100 + percent) / 100
}

#[cfg(test)]
mod tests {
    mod größe {
        #[test]
        fn wächst() {
            assert_eq!(crate::gross(100, 19), 119);
        }

        #[test]
        fn same_name() {}
    }

    #[test]
    fn same_name() {}

    #[test]
    #[ignore = "no shop in Norway yet"]
    fn norway() {
        panic!("an ignored test must not run");
    }
}
