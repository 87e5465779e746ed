/** The package brings no types. */
declare module 'seek-bzip' {
  interface ByteSink {
    writeByte(byte: number): void;
    flush(): void;
  }
  const Bunzip: {
    /** Decodes into `output`. Throws for damaged input. With `multistream` files that follow each other are one. */
    decode(input: Buffer, output: ByteSink, multistream: boolean): void;
  };
  export default Bunzip;
}
