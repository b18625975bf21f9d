//! Which addresses are the internet's. What is not is this machine, its neighbours, or the service that
//! tells a machine in a cloud its secrets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that are not the internet's: the first ones, and how many bits of them count.
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>
const NOT_PUBLIC: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    // Azure tells its machines about themselves here.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

/// Of the newer addresses only these are handed out to the world.
/// <https://www.iana.org/assignments/ipv6-unicast-address-assignments>
const PUBLIC_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// … but not these, which lead to older addresses, are for examples, or for experiments.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether a setup may connect to it. An older address in a newer one's clothes is not public either:
/// nobody needs that to fetch something.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC
            .iter()
            .any(|(net, bits)| (address.to_bits() ^ net.to_bits()).leading_zeros() >= *bits),
        IpAddr::V6(address) => {
            let within = |(net, bits): &(Ipv6Addr, u32)| {
                (address.to_bits() ^ net.to_bits()).leading_zeros() >= *bits
            };
            within(&PUBLIC_V6) && !NOT_PUBLIC_V6.iter().any(within)
        }
    }
}
