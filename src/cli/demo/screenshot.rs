//! A screenshot that needs no screen: a web page in a few rectangles, written
//! as a PNG without compression.

const WIDTH: usize = 240;
const HEIGHT: usize = 150;

/// The colours, by their number in the picture.
const PALETTE: [[u8; 3]; 6] = [
    [250, 250, 252], // page
    [38, 50, 72],    // header
    [205, 211, 222], // text
    [66, 133, 244],  // button
    [214, 48, 49],   // error
    [255, 234, 234], // error's box
];

/// The page with an error on it, as a PNG. `shift` moves things a little, so
/// that two screenshots differ.
pub(super) fn error_page(shift: u32) -> Vec<u8> {
    let shift = usize::try_from(shift % 20).unwrap_or(0);
    let mut pixels = vec![0_u8; WIDTH * HEIGHT];
    let mut fill = |left: usize, top: usize, width: usize, height: usize, colour: u8| {
        for row in top..(top + height).min(HEIGHT) {
            let end = (left + width).min(WIDTH);
            pixels[row * WIDTH + left.min(end)..row * WIDTH + end].fill(colour);
        }
    };
    fill(0, 0, WIDTH, 18, 1);
    fill(8, 6, 40, 6, 2);
    for line in 0..5 {
        fill(16, 32 + line * 10, 120 + (line * 37 + shift * 5) % 80, 4, 2);
    }
    fill(16, 92, 208, 30, 5);
    fill(16, 92, 4, 30, 4);
    fill(28, 100, 110 + shift, 5, 4);
    fill(28, 110, 150, 4, 2);
    fill(16, 130, 46, 12, 3);
    png(&pixels)
}

fn png(pixels: &[u8]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    for side in [WIDTH, HEIGHT] {
        header.extend(u32::try_from(side).unwrap_or(0).to_be_bytes());
    }
    // 8 bits a pixel, by palette; the rest is the format's only choice.
    header.extend([8, 3, 0, 0, 0]);
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"PLTE", PALETTE.as_flattened());
    // Each row begins with the number of its filter: none.
    let rows: Vec<u8> =
        pixels.chunks(WIDTH).flat_map(|row| std::iter::once(&0).chain(row)).copied().collect();
    chunk(&mut file, *b"IDAT", &zlib_stored(&rows));
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend(u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend(data);
    let checksum = crc32(&file[start..]);
    file.extend(checksum.to_be_bytes());
}

/// A zlib stream of blocks that are stored as they are.
fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = data.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in data {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    stream.extend(((high << 16) | low).to_be_bytes());
    stream
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(&zlib_stored(b"Wikipedia")[2 + 5 + 9..], 0x11e6_0398_u32.to_be_bytes());
    }

    #[test]
    fn the_page_is_a_png_of_its_own_per_shift() {
        let page = error_page(1);
        assert!(page.starts_with(b"\x89PNG\r\n\x1a\n") && page.len() < 64 * 1024);
        assert_ne!(page, error_page(2));
    }
}
