# The program in an image of its own: docker build -t asynccoder .
FROM rust:1.95-slim-trixie AS builder
WORKDIR /build
COPY . .
RUN cargo build --release --locked --bin asynccoder

# The same release of Debian as above, so that the program finds the C library it was linked to.
FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bash bubblewrap ca-certificates git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin asynccoder \
    && mkdir /data \
    && chown asynccoder: /data
COPY --from=builder /build/target/release/asynccoder /usr/local/bin/asynccoder
USER asynccoder
ENV HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["asynccoder"]
CMD ["serve"]
